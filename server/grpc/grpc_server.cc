#include "server/grpc/grpc_server.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "absl/strings/str_cat.h"
#include "probe/error.h"
#include "server/grpc/stream_call.h"
#include "server/grpc/watch_call.h"
#include "telemetry/grpc/server_interceptor.h"

namespace probegate {
namespace {

// A block of 16 MiB, and room for what is around it.
constexpr int kMaxMessageBytes = 20 << 20;

struct Argument {
  const char* name;
  int value;
};
constexpr Argument kArguments[] = {
    // A second server on the port must fail rather than share its connections.
    {GRPC_ARG_ALLOW_REUSEPORT, 0},
    // A peer that vanished without a FIN is noticed after 15 s, whether it was calling or not.
    {GRPC_ARG_KEEPALIVE_TIME_MS, 10'000},
    {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000},
    {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
    {GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0},
    // Clients do the same; gRPC would take them for hostile.
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

GrpcServer::GrpcServer(Catalog& catalog, SessionRegistry& sessions, MetricSet& metrics)
    : rpc_metrics_(metrics, kServerRpcRows, ServedMethods()),
      debug_probe_(sessions, rpc_metrics_),
      probe_directory_(catalog, sessions, rpc_metrics_) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const Endpoint& listen, Catalog& catalog,
                                                              SessionRegistry& sessions, MetricSet& metrics) {
  // gRPC has these two as switches of the process; setting them again changes nothing.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  std::unique_ptr<GrpcServer> server(new GrpcServer(catalog, sessions, metrics));
  grpc::ServerBuilder builder;
  for (const Argument& argument : kArguments) builder.AddChannelArgument(argument.name, argument.value);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.experimental().SetInterceptorCreators(
      MakeServerInterceptors(server->rpc_metrics_, {StreamCall::kMethod, WatchCall::kMethod}));
  builder.RegisterService(&server->debug_probe_);
  builder.RegisterService(&server->probe_directory_);
  int port = 0;
  builder.AddListeningPort(listen.ToString(), grpc::InsecureServerCredentials(), &port);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || port == 0) {
    return MakeError(ErrorKind::kInvalidArgument,
                     absl::StrCat("cannot listen on ", listen.ToString(), ": ", WhyNot(listen)));
  }
  server->endpoint_ = {listen.host, static_cast<uint16_t>(port)};
  return server;
}

GrpcServer::~GrpcServer() {
  if (server_ != nullptr) Shutdown(std::chrono::milliseconds(0));
}

void GrpcServer::StopServing() { server_->GetHealthCheckService()->SetServingStatus(false); }

void GrpcServer::Shutdown(std::chrono::milliseconds patience) {
  server_->Shutdown(std::chrono::system_clock::now() + patience);
  server_->Wait();
}

}  // namespace probegate
