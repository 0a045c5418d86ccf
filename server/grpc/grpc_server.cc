#include "server/grpc/grpc_server.h"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "base/grpc/reflection.h"
#include "base/request_limits.h"
#include "probegate/v1/debug_probe.grpc.pb.h"
#include "probegate/v1/probe_directory.grpc.pb.h"
#include "telemetry/grpc/server_interceptor.h"

namespace probegate {

GrpcServer::GrpcServer(std::string host, Catalog& catalog, SessionRegistry& sessions, UnarySessions& unary_sessions,
                       AccessControl& access, const CallQuotas& quotas, MetricSet& metrics)
    : rpc_metrics_(metrics, kServerRpcRows,
                   ServedMethods({v1::DebugProbe::service_full_name(), v1::ProbeDirectory::service_full_name(),
                                  kReflectionService})),
      gate_(access, rpc_metrics_),
      limits_(quotas),
      debug_probe_(sessions, unary_sessions, limits_, gate_),
      probe_directory_(std::move(host), catalog, sessions, access, limits_, gate_) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcListening listening, std::string host,
                                                              Catalog& catalog, SessionRegistry& sessions,
                                                              UnarySessions& unary_sessions, AccessControl& access,
                                                              const CallQuotas& quotas, MetricSet& metrics) {
  std::unique_ptr<GrpcServer> server(
      new GrpcServer(std::move(host), catalog, sessions, unary_sessions, access, quotas, metrics));
  const auto add = [server = server.get()](grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(kMaxMessageBytes);
    // A stream is given room for a message only once that is read, instead of as much as the connection can carry.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    // A compressed message of a few KiB can stand for gigabytes, and gRPC would decompress it before it is counted.
    for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
      builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
    }
    // The calls of both services count themselves.
    std::vector<std::string> counted;
    for (const RawService* service :
         std::initializer_list<RawService*>{&server->debug_probe_, &server->probe_directory_}) {
      counted.insert(counted.end(), service->paths().begin(), service->paths().end());
    }
    builder.experimental().SetInterceptorCreators(MakeServerInterceptors(server->rpc_metrics_, std::move(counted)));
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
