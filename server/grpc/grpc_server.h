// The server's gRPC side: both services, health (grpc.health.v1) and reflection, on one port.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "base/grpc/listener.h"
#include "server/catalog/catalog.h"
#include "server/grpc/debug_probe_service.h"
#include "server/grpc/probe_directory_service.h"
#include "server/sessions/session_registry.h"
#include "server/sessions/unary_sessions.h"
#include "telemetry/grpc/rpc_metrics.h"
#include "telemetry/metrics.h"

namespace probegate {

class GrpcServer {
 public:
  // Listens, and counts all calls in `metrics`. `host` is the name of this machine. The error, in one line, where the
  // address cannot be had. `catalog`, `sessions` and `metrics` must outlive the server.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const Endpoint& listen, std::string host, Catalog& catalog,
                                                           SessionRegistry& sessions, UnarySessions& unary_sessions,
                                                           MetricSet& metrics);

  // Where it listens; the port is the real one where 0 was asked for.
  const Endpoint& endpoint() const { return listener_->endpoint(); }

  // Health checks are answered NOT_SERVING from now on.
  void StopServing() { listener_->StopServing(); }

  // Takes no more calls, lets those that are being answered end, and cancels what is left after `patience`. Blocks.
  void Shutdown(std::chrono::milliseconds patience) { listener_->Shutdown(patience); }

 private:
  GrpcServer(std::string host, Catalog& catalog, SessionRegistry& sessions, UnarySessions& unary_sessions,
             MetricSet& metrics);

  const RpcMetrics rpc_metrics_;
  DebugProbeService debug_probe_;
  ProbeDirectoryService probe_directory_;
  std::unique_ptr<GrpcListener> listener_;  // goes first
};

}  // namespace probegate
