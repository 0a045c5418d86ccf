// The server's gRPC side: both services, health (grpc.health.v1) and reflection, on one port.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "access/grpc/call_gate.h"
#include "access/service/access_control.h"
#include "base/endpoint.h"
#include "base/grpc/listener.h"
#include "server/catalog/catalog.h"
#include "server/grpc/call_limits.h"
#include "server/grpc/debug_probe_service.h"
#include "server/grpc/probe_directory_service.h"
#include "server/sessions/session_registry.h"
#include "server/sessions/unary_sessions.h"
#include "telemetry/grpc/rpc_metrics.h"
#include "telemetry/metrics.h"

namespace probegate {

class GrpcServer {
 public:
  // Listens, and counts all calls in `metrics`. `host` is the name of this machine. Returns a one-line error if the
  // server cannot listen on the address. `catalog`, both kinds of sessions, `access`, the quotas and `metrics` must
  // outlive the server.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(GrpcListening listening, std::string host, Catalog& catalog,
                                                           SessionRegistry& sessions, UnarySessions& unary_sessions,
                                                           AccessControl& access, const CallQuotas& quotas,
                                                           MetricSet& metrics);

  // The address it listens on. If port 0 was requested, this has the actual port.
  const Endpoint& endpoint() const { return listener_->endpoint(); }

  // As AcceptLoop::Listener::Expect.
  void Expect(const Endpoint& from) { listener_->Expect(from); }

  // From now on, health checks are answered with NOT_SERVING.
  void StopServing() { listener_->StopServing(); }

  // Accepts no more calls, lets calls that are in progress end, and cancels those that remain after `patience`. Blocks.
  void Shutdown(std::chrono::milliseconds patience) { listener_->Shutdown(patience); }

 private:
  GrpcServer(std::string host, Catalog& catalog, SessionRegistry& sessions, UnarySessions& unary_sessions,
             AccessControl& access, const CallQuotas& quotas, MetricSet& metrics);

  const RpcMetrics rpc_metrics_;
  const CallGate gate_;
  CallLimits limits_;
  DebugProbeService debug_probe_;
  ProbeDirectoryService probe_directory_;
  std::unique_ptr<GrpcListener> listener_;  // destroyed first
};

}  // namespace probegate
