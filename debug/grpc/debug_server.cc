#include "debug/grpc/debug_server.h"

#include <string>
#include <utility>
#include <vector>

#include "base/grpc/reflection.h"
#include "debug/grpc/arduino_apis.h"
#include "debug/grpc/message_limits.h"
#include "telemetry/grpc/server_interceptor.h"

namespace probegate {
namespace {

std::vector<std::string> Services() {
  return {cc::arduino::cli::debug::Debug::service_full_name(),
          cc::arduino::cli::debug::v1::DebugService::service_full_name(),
          cc::arduino::cli::commands::v1::ArduinoCoreService::service_full_name(), v1::DebugFiles::service_full_name()};
}

std::vector<std::string> ServicesAndReflection() {
  std::vector<std::string> services = Services();
  services.emplace_back(kReflectionService);
  return services;
}

}  // namespace

DebugServer::DebugServer(DebugSessions& sessions, AccessControl& access, MetricSet& metrics)
    : rpc_metrics_(metrics, kServerRpcRows, ServedMethods(ServicesAndReflection())),
      gate_(access, rpc_metrics_),
      serving_{.sessions = sessions, .gate = gate_},
      debug_(serving_),
      debug_v1_(serving_),
      core_(serving_),
      files_(serving_) {}

absl::StatusOr<std::unique_ptr<DebugServer>> DebugServer::Start(GrpcListening listening, DebugSessions& sessions,
                                                                AccessControl& access, MetricSet& metrics) {
  std::unique_ptr<DebugServer> server(new DebugServer(sessions, access, metrics));
  const auto add = [server = server.get()](grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(kMaxDebugMessageBytes);
    builder.experimental().SetInterceptorCreators(MakeServerInterceptors(
        server->rpc_metrics_,
        {ArduinoDebugApi::kDebugMethod, ArduinoDebugV1Api::kDebugMethod, ArduinoCoreApi::kDebugMethod}));
    builder.RegisterService(&server->debug_);
    builder.RegisterService(&server->debug_v1_);
    builder.RegisterService(&server->core_);
    builder.RegisterService(&server->files_);
  };
  auto listener = GrpcListener::Start(std::move(listening), Services(), add);
  if (!listener.ok()) return listener.status();
  server->listener_ = *std::move(listener);
  return server;
}

}  // namespace probegate
