// probegate.v1.ProbeDirectory: which probes there are, their sessions and their statistics, over gRPC.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "probegate/v1/probe_directory.grpc.pb.h"
#include "server/catalog/catalog.h"
#include "server/sessions/session_registry.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class ProbeDirectoryService final : public v1::ProbeDirectory::CallbackService {
 public:
  // `host` is the name of this machine. All other arguments must outlive the server that this service is registered
  // with.
  ProbeDirectoryService(std::string host, Catalog& catalog, SessionRegistry& sessions, const RpcMetrics& rpcs)
      : host_(std::move(host)), catalog_(catalog), sessions_(sessions), rpcs_(rpcs) {}

  grpc::ServerUnaryReactor* ListProbes(grpc::CallbackServerContext* context, const v1::ListProbesRequest* request,
                                       v1::ListProbesResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchProbesResponse>* WatchProbes(grpc::CallbackServerContext* context,
                                                                 const v1::WatchProbesRequest* request) override;
  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* context, const v1::ListSessionsRequest* request,
                                         v1::ListSessionsResponse* response) override;
  grpc::ServerUnaryReactor* EndSession(grpc::CallbackServerContext* context, const v1::EndSessionRequest* request,
                                       v1::EndSessionResponse* response) override;
  grpc::ServerUnaryReactor* Stats(grpc::CallbackServerContext* context, const v1::StatsRequest* request,
                                  v1::StatsResponse* response) override;

 private:
  const std::string host_;
  Catalog& catalog_;
  SessionRegistry& sessions_;
  const RpcMetrics& rpcs_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace probegate
