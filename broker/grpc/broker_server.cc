#include "broker/grpc/broker_server.h"

#include <utility>

#include "base/grpc/reflection.h"
#include "telemetry/grpc/server_interceptor.h"

namespace probegate::broker {
namespace {

// A server with thousands of probes fits; everything else is far smaller.
constexpr int kMaxMessageBytes = 4 << 20;

}  // namespace

BrokerServer::BrokerServer(LeaseLoop& loop, AccessControl& access, const AuditLog* audit, MetricSet& metrics)
    : rpc_metrics_(
          metrics, kServerRpcRows,
          ServedMethods({v1::Leases::service_full_name(), v1::Registration::service_full_name(), kReflectionService})),
      gate_(access, rpc_metrics_),
      leases_(loop, gate_, audit),
      registration_(loop, gate_) {}

absl::StatusOr<std::unique_ptr<BrokerServer>> BrokerServer::Start(GrpcListening listening, LeaseLoop& loop,
                                                                  AccessControl& access, const AuditLog* audit,
                                                                  MetricSet& metrics) {
  std::unique_ptr<BrokerServer> server(new BrokerServer(loop, access, audit, metrics));
  const auto add = [server = server.get()](grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    // A compressed message of a few KiB can stand for gigabytes.
    for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
      builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
    }
    builder.experimental().SetInterceptorCreators(MakeServerInterceptors(server->rpc_metrics_, {}));
    builder.RegisterService(&server->leases_);
    builder.RegisterService(&server->registration_);
  };
  auto listener = GrpcListener::Start(std::move(listening),
                                      {v1::Leases::service_full_name(), v1::Registration::service_full_name()}, add);
  if (!listener.ok()) return listener.status();
  server->listener_ = *std::move(listener);
  return server;
}

}  // namespace probegate::broker
