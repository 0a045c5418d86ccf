#include "server/grpc/grpc_server.h"

#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "base/request_limits.h"
#include "server/grpc/stream_call.h"
#include "server/grpc/watch_call.h"
#include "telemetry/grpc/server_interceptor.h"

namespace probegate {
namespace {

// All but health, which gRPC implements without Protobuf's descriptors.
constexpr const char* kServices[] = {v1::DebugProbe::service_full_name(), v1::ProbeDirectory::service_full_name(),
                                     "grpc.reflection.v1alpha.ServerReflection"};

std::vector<RpcMethod> ServedMethods() {
  std::vector<const google::protobuf::ServiceDescriptor*> services;
  for (const char* name : kServices) {
    services.push_back(google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name));
  }
  std::vector<RpcMethod> methods = MethodsOf(services);
  for (RpcMethod& method : HealthMethods()) methods.push_back(std::move(method));
  return methods;
}

}  // namespace

GrpcServer::GrpcServer(std::string host, Catalog& catalog, SessionRegistry& sessions, MetricSet& metrics)
    : rpc_metrics_(metrics, kServerRpcRows, ServedMethods()),
      debug_probe_(sessions, rpc_metrics_),
      probe_directory_(std::move(host), catalog, sessions, rpc_metrics_) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const Endpoint& listen, std::string host,
                                                              Catalog& catalog, SessionRegistry& sessions,
                                                              MetricSet& metrics) {
  std::unique_ptr<GrpcServer> server(new GrpcServer(std::move(host), catalog, sessions, metrics));
  auto listener = GrpcListener::Start(listen, [&server](grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(kMaxMessageBytes);
    builder.experimental().SetInterceptorCreators(
        MakeServerInterceptors(server->rpc_metrics_, {StreamCall::kMethod, WatchCall::kMethod}));
    builder.RegisterService(&server->debug_probe_);
    builder.RegisterService(&server->probe_directory_);
  });
  if (!listener.ok()) return listener.status();
  server->listener_ = *std::move(listener);
  return server;
}

}  // namespace probegate
