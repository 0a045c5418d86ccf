#include "base/grpc/listener.h"

#include <string>

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "base/grpc/keepalive.h"
#include "base/socket.h"

namespace probegate {
namespace {

constexpr GrpcArgument kArguments[] = {
    // A second server on the port must fail rather than share its connections.
    {GRPC_ARG_ALLOW_REUSEPORT, 0},
    // Clients ping even if no call is in progress, which gRPC would otherwise treat as abuse.
    {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000},
    {GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0},
};

// gRPC only says that it could not listen. This asks the system why.
std::string WhyNot(const Endpoint& listen) {
  const Resolution found = Resolve(listen);
  if (!found.ok()) return found.why;
  const int error = ListenAt(found.addresses.front()).error;
  return error == 0 ? "gRPC could not listen" : ErrorText(error);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcListener>> GrpcListener::Start(
    const Endpoint& listen, const std::function<void(grpc::ServerBuilder&)>& add) {
  // In gRPC these two are settings of the whole process. Setting them again has no effect.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  std::unique_ptr<GrpcListener> listener(new GrpcListener);
  grpc::ServerBuilder builder;
  for (const GrpcArgument& argument : kKeepaliveArguments) builder.AddChannelArgument(argument.name, argument.value);
  for (const GrpcArgument& argument : kArguments) builder.AddChannelArgument(argument.name, argument.value);
  add(builder);
  int port = 0;
  builder.AddListeningPort(listen.ToString(), grpc::InsecureServerCredentials(), &port);
  listener->server_ = builder.BuildAndStart();
  if (listener->server_ == nullptr || port == 0) {
    return absl::UnavailableError("cannot listen on " + listen.ToString() + ": " + WhyNot(listen));
  }
  listener->endpoint_ = {listen.host, static_cast<uint16_t>(port)};
  return listener;
}

GrpcListener::~GrpcListener() {
  if (server_ != nullptr) Shutdown(std::chrono::milliseconds(0));
}

void GrpcListener::StopServing() { server_->GetHealthCheckService()->SetServingStatus(false); }

void GrpcListener::Shutdown(std::chrono::milliseconds patience) {
  server_->Shutdown(std::chrono::system_clock::now() + patience);
  server_->Wait();
}

void SilenceGrpcLogs(bool keep_grpc) {
  google::protobuf::SetLogHandler(nullptr);
  if (!keep_grpc) gpr_set_log_function([](gpr_log_func_args*) {});
}

}  // namespace probegate
