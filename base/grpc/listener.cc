#include "base/grpc/listener.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "base/grpc/keepalive.h"

namespace probegate {
namespace {

constexpr GrpcArgument kArguments[] = {
    // A second server on the port must fail rather than share its connections.
    {GRPC_ARG_ALLOW_REUSEPORT, 0},
    // Clients ping without calls, too; gRPC would take them for hostile.
    {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000},
    {GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0},
};

// gRPC says only that it could not listen; the system says why.
std::string WhyNot(const Endpoint& listen) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int looked_up = getaddrinfo(listen.host.c_str(), std::to_string(listen.port).c_str(), &hints, &found);
  if (looked_up != 0) return gai_strerror(looked_up);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::strerror(errno);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  std::string why = "gRPC could not listen";
  if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, 1) != 0) why = std::strerror(errno);
  close(fd);
  return why;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcListener>> GrpcListener::Start(
    const Endpoint& listen, const std::function<void(grpc::ServerBuilder&)>& add) {
  // gRPC has these two as switches of the process; setting them again changes nothing.
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
