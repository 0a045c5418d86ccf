// probegate-debugd's gRPC side: its services, health and reflection, on one port.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "access/grpc/call_gate.h"
#include "access/service/access_control.h"
#include "base/grpc/listener.h"
#include "debug/grpc/debug_service.h"
#include "debug/sessions.h"
#include "telemetry/grpc/rpc_metrics.h"
#include "telemetry/metrics.h"

namespace probegate {

class DebugServer {
 public:
  // Like GrpcListener::Start. `sessions`, `access` and `metrics` must outlive the server.
  static absl::StatusOr<std::unique_ptr<DebugServer>> Start(GrpcListening listening, DebugSessions& sessions,
                                                            AccessControl& access, MetricSet& metrics);
  GrpcListener& listener() { return *listener_; }

 private:
  DebugServer(DebugSessions& sessions, AccessControl& access, MetricSet& metrics);

  const RpcMetrics rpc_metrics_;
  const CallGate gate_;
  const DebugServing serving_;
  ArduinoDebugService debug_;
  ArduinoDebugV1Service debug_v1_;
  ArduinoCoreService core_;
  DebugFilesService files_;
  std::unique_ptr<GrpcListener> listener_;  // last, so that it is destroyed first
};

}  // namespace probegate
