// probegate.v1.DebugProbe: sessions over gRPC.
//
// gRPC's threads only put commands into a session's queue and return; the lane's thread answers them. So a waiting call
// blocks no thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include "probegate/v1/debug_probe.grpc.pb.h"
#include "server/grpc/unary_commands.h"
#include "server/sessions/session_registry.h"
#include "server/sessions/unary_sessions.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class DebugProbeService final : public v1::DebugProbe::CallbackService {
 public:
  // `sessions` is for streams. All arguments must outlive the server that this service is registered with.
  DebugProbeService(SessionRegistry& sessions, UnarySessions& unary_sessions, const RpcMetrics& rpcs)
      : sessions_(sessions), unary_sessions_(unary_sessions), rpcs_(rpcs) {}

  grpc::ServerUnaryReactor* OpenSession(grpc::CallbackServerContext* context, const v1::OpenSessionRequest* request,
                                        v1::OpenSessionResponse* response) override;
  grpc::ServerUnaryReactor* CloseSession(grpc::CallbackServerContext* context, const v1::CloseSessionRequest* request,
                                         v1::CloseSessionResponse* response) override;
  grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* Stream(grpc::CallbackServerContext* context) override;

#define PROBEGATE_DECLARE(Name, field)                                                                   \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context, const v1::Name##Request* request, \
                                 v1::Name##Response* response) override;
  PROBEGATE_UNARY_COMMANDS(PROBEGATE_DECLARE)
#undef PROBEGATE_DECLARE

 private:
  SessionRegistry& sessions_;
  UnarySessions& unary_sessions_;
  const RpcMetrics& rpcs_;
};

}  // namespace probegate
