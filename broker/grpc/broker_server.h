// The broker's gRPC side: both services, health and reflection, on one port.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "access/audit_log.h"
#include "access/grpc/call_gate.h"
#include "access/service/access_control.h"
#include "base/grpc/listener.h"
#include "broker/grpc/broker_services.h"
#include "broker/leases/lease_loop.h"
#include "telemetry/grpc/rpc_metrics.h"
#include "telemetry/metrics.h"

namespace probegate::broker {

class BrokerServer {
 public:
  // Like GrpcListener::Start. All must outlive the server; `audit` is null if there is no audit log.
  static absl::StatusOr<std::unique_ptr<BrokerServer>> Start(GrpcListening listening, LeaseLoop& loop,
                                                             AccessControl& access, const AuditLog* audit,
                                                             MetricSet& metrics);
  GrpcListener& listener() { return *listener_; }

 private:
  BrokerServer(LeaseLoop& loop, AccessControl& access, const AuditLog* audit, MetricSet& metrics);

  const RpcMetrics rpc_metrics_;
  const CallGate gate_;
  LeasesService leases_;
  RegistrationService registration_;
  std::unique_ptr<GrpcListener> listener_;  // destroyed first
};

}  // namespace probegate::broker
