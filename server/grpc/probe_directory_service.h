// probegate.v1.ProbeDirectory: which probes there are, their sessions and their statistics, over gRPC.
#pragma once

#include <chrono>
#include <list>
#include <string>

#include "absl/status/status.h"
#include "probegate/v1/probe_directory.pb.h"
#include "server/catalog/catalog.h"
#include "server/grpc/call_limits.h"
#include "server/grpc/raw_service.h"
#include "server/grpc/unary_call.h"
#include "server/sessions/session_registry.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class ProbeDirectoryService final : public RawService {
 public:
  // `host` is the name of this machine. All other arguments must outlive the server that this service is registered
  // with.
  ProbeDirectoryService(std::string host, Catalog& catalog, SessionRegistry& sessions, CallLimits& limits,
                        const RpcMetrics& rpcs);

 private:
  // A method that is answered at once.
  template <typename Request, typename Response>
  void AddUnary(const std::string& name, absl::Status (ProbeDirectoryService::*answer)(const Request&, Response&) const,
                bool frees = false);

  absl::Status ListProbes(const v1::ListProbesRequest& request, v1::ListProbesResponse& response) const;
  absl::Status ListSessions(const v1::ListSessionsRequest& request, v1::ListSessionsResponse& response) const;
  absl::Status EndSession(const v1::EndSessionRequest& request, v1::EndSessionResponse& response) const;
  absl::Status Stats(const v1::StatsRequest& request, v1::StatsResponse& response) const;

  const std::string host_;
  Catalog& catalog_;
  SessionRegistry& sessions_;
  CallLimits& limits_;
  const RpcMetrics& rpcs_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::list<UnaryMethod> methods_;
};

}  // namespace probegate
