#include "debug/grpc/debug_server.h"

#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "debug/grpc/debug_call.h"
#include "telemetry/grpc/server_interceptor.h"

namespace probegate {
namespace {

constexpr const char* kServices[] = {cc::arduino::cli::debug::Debug::service_full_name(),
                                     v1::DebugFiles::service_full_name(), "grpc.reflection.v1alpha.ServerReflection"};

// All but health, which gRPC implements without Protobuf's descriptors, have one.
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

DebugServer::DebugServer(DebugSessions& sessions, MetricSet& metrics)
    : rpc_metrics_(metrics, kServerRpcRows, ServedMethods()),
      debug_(sessions, rpc_metrics_),
      files_(sessions.context()) {}

absl::StatusOr<std::unique_ptr<DebugServer>> DebugServer::Start(const Endpoint& listen, DebugSessions& sessions,
                                                                MetricSet& metrics) {
  std::unique_ptr<DebugServer> server(new DebugServer(sessions, metrics));
  auto listener = GrpcListener::Start(listen, [&server](grpc::ServerBuilder& builder) {
    builder.experimental().SetInterceptorCreators(MakeServerInterceptors(server->rpc_metrics_, {DebugCall::kMethod}));
    builder.RegisterService(&server->debug_);
    builder.RegisterService(&server->files_);
  });
  if (!listener.ok()) return listener.status();
  server->listener_ = *std::move(listener);
  return server;
}

}  // namespace probegate
