#include "server/grpc/grpc_server.h"

#include <utility>

#include "base/request_limits.h"
#include "server/grpc/stream_call.h"
#include "server/grpc/watch_call.h"
#include "telemetry/grpc/server_interceptor.h"

namespace probegate {
namespace {

constexpr char kReflection[] = "grpc.reflection.v1alpha.ServerReflection";

}  // namespace

GrpcServer::GrpcServer(std::string host, Catalog& catalog, SessionRegistry& sessions, UnarySessions& unary_sessions,
                       MetricSet& metrics)
    : rpc_metrics_(
          metrics, kServerRpcRows,
          ServedMethods({v1::DebugProbe::service_full_name(), v1::ProbeDirectory::service_full_name(), kReflection})),
      debug_probe_(sessions, unary_sessions, rpc_metrics_),
      probe_directory_(std::move(host), catalog, sessions, rpc_metrics_) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcListening listening, std::string host,
                                                              Catalog& catalog, SessionRegistry& sessions,
                                                              UnarySessions& unary_sessions, MetricSet& metrics) {
  std::unique_ptr<GrpcServer> server(new GrpcServer(std::move(host), catalog, sessions, unary_sessions, metrics));
  const auto add = [server = server.get()](grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(kMaxMessageBytes);
    builder.experimental().SetInterceptorCreators(
        MakeServerInterceptors(server->rpc_metrics_, {StreamCall::kMethod, WatchCall::kMethod}));
    builder.RegisterService(&server->debug_probe_);
    builder.RegisterService(&server->probe_directory_);
  };
  auto listener = GrpcListener::Start(
      std::move(listening), {v1::DebugProbe::service_full_name(), v1::ProbeDirectory::service_full_name()}, add);
  if (!listener.ok()) return listener.status();
  server->listener_ = *std::move(listener);
  return server;
}

}  // namespace probegate
