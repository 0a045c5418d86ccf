// probegate.v1.ProbeDirectory: which probes there are, their sessions and their statistics, over gRPC.
#pragma once

#include <chrono>
#include <list>
#include <string>

#include "absl/status/status.h"
#include "access/grpc/call_gate.h"
#include "access/service/access_control.h"
#include "access/service/caller.h"
#include "probegate/v1/probe_directory.pb.h"
#include "server/catalog/catalog.h"
#include "server/grpc/call_limits.h"
#include "server/grpc/raw_service.h"
#include "server/grpc/unary_call.h"
#include "server/sessions/session_registry.h"

namespace probegate {

class ProbeDirectoryService final : public RawService {
 public:
  // `host` is the name of this machine. All other arguments must outlive the server that this service is registered
  // with.
  ProbeDirectoryService(std::string host, Catalog& catalog, SessionRegistry& sessions, AccessControl& access,
                        CallLimits& limits, const CallGate& gate);

 private:
  // A method that is answered at once.
  template <typename Request, typename Response>
  void AddUnary(const std::string& name,
                absl::Status (ProbeDirectoryService::*answer)(const Caller&, const Request&, Response&) const,
                bool frees = false);

  absl::Status ListProbes(const Caller& caller, const v1::ListProbesRequest& request,
                          v1::ListProbesResponse& response) const;
  absl::Status ListSessions(const Caller& caller, const v1::ListSessionsRequest& request,
                            v1::ListSessionsResponse& response) const;
  absl::Status EndSession(const Caller& caller, const v1::EndSessionRequest& request,
                          v1::EndSessionResponse& response) const;
  absl::Status Stats(const Caller& caller, const v1::StatsRequest& request, v1::StatsResponse& response) const;
  absl::Status WhoAmI(const Caller& caller, const v1::WhoAmIRequest& request, v1::WhoAmIResponse& response) const;

  // The unique ID of the probe that the caller names, among those that it may view; empty if it names none.
  absl::StatusOr<std::string> Resolve(const Caller& caller, const std::string& probe) const;

  const std::string host_;
  Catalog& catalog_;
  SessionRegistry& sessions_;
  AccessControl& access_;
  CallLimits& limits_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::list<UnaryMethod> methods_;
};

}  // namespace probegate
