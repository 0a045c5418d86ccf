// probegate.v1.DebugProbe: sessions over gRPC.
//
// gRPC's threads only put commands into a session's queue and return; the lane's thread answers them. So a waiting call
// blocks no thread.
#pragma once

#include <list>

#include <grpcpp/grpcpp.h>

#include "access/grpc/call_gate.h"
#include "access/service/caller.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/grpc/call_limits.h"
#include "server/grpc/raw_service.h"
#include "server/grpc/stream_call.h"
#include "server/grpc/unary_call.h"
#include "server/sessions/session_registry.h"
#include "server/sessions/unary_sessions.h"

namespace probegate {

class DebugProbeService final : public RawService {
 public:
  // `sessions` is for streams. All arguments must outlive the server that this service is registered with.
  DebugProbeService(SessionRegistry& sessions, UnarySessions& unary_sessions, CallLimits& limits, const CallGate& gate);

 private:
  void AddUnary(const std::string& name, UnaryMethod method);
  void AddOpenSession();
  void AddCloseSession();
  // A command: the fields of its request and of its answer in the oneofs of the stream's messages.
  template <typename Request, typename Response>
  void AddCommand(const std::string& name, v1::StreamRequest::RequestCase number,
                  Request* (v1::StreamRequest::*request)(), Response* (v1::StreamResponse::*response)());
  // Refuses clients that have no session for unary calls.
  absl::Status HasSession(const Caller& caller) const;

  UnarySessions& unary_sessions_;
  CallLimits& limits_;
  const ParsedSize stream_request_{*v1::StreamRequest::descriptor()};
  std::list<UnaryMethod> methods_;
};

}  // namespace probegate
