#include "base/grpc/listener.h"

#include <utility>

#include <google/protobuf/stubs/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/health_check_service_interface.h>

#include "absl/strings/str_cat.h"
#include "base/grpc/reflection.h"

// gRPC declares it in a header that is not installed (src/core/lib/iomgr/executor.h).
namespace grpc_core {
class Executor {
 public:
  static void SetThreadingDefault(bool enable);
};
}  // namespace grpc_core

namespace probegate {
namespace {

constexpr char kHealth[] = "grpc.health.v1.Health";

std::vector<std::string> WithOwn(std::vector<std::string> services) {
  services.insert(services.end(), {kHealth, kReflectionService});
  return services;
}

// gRPC moves the work on busy connections to one further thread, where a connection that always has more to read would
// keep all others waiting (docs/decisions/one-grpc-server-per-client.md). After this, such work stays on the threads
// that read. gRPC must not be doing anything meanwhile, and stays initialized until the program ends.
bool ReadWithoutExecutor() {
  grpc_init();
  grpc_core::Executor::SetThreadingDefault(false);
  return true;
}

// gRPC takes either of these for all addresses of both families.
bool StandsForAll(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

}  // namespace

GrpcListener::GrpcListener(std::vector<std::string> services)
    : reflection_(MakeReflection(WithOwn(std::move(services)))) {}

absl::StatusOr<std::unique_ptr<GrpcListener>> GrpcListener::Start(GrpcListening listening,
                                                                  std::vector<std::string> services,
                                                                  ClientServers::AddServices add) {
  [[maybe_unused]] static const bool once = ReadWithoutExecutor();
  // In gRPC this is a setting of the whole process. Setting it again has no effect.
  grpc::EnableDefaultHealthCheckService(true);

  std::unique_ptr<GrpcListener> listener(new GrpcListener(std::move(services)));
  const auto add_all = [add = std::move(add), reflection = listener->reflection_.get()](grpc::ServerBuilder& builder) {
    add(builder);
    builder.RegisterService(reflection);
  };
  auto servers = ClientServers::Start(add_all, std::move(listening.limits), listening.tls);
  if (!servers.ok()) return servers.status();
  listener->servers_ = *std::move(servers);
  Endpoint at = listening.listen;
  if (StandsForAll(at.host)) at.host.clear();
  const auto serve = [servers = listener->servers_.get()](AcceptedConnection connection) {
    servers->Serve(std::move(connection));
  };
  auto accepting = listening.loop.Listen(at, {.name = "gRPC",
                                              .connections = listening.connections,
                                              .handler = serve,
                                              .refused = {},
                                              .group = listening.group});
  if (!accepting.ok()) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", listening.listen.ToString(), ": ", accepting.status().message()));
  }
  listener->listener_ = *std::move(accepting);
  listener->endpoint_ = {.host = listening.listen.host, .port = listener->listener_->endpoint().port};
  return listener;
}

GrpcListener::~GrpcListener() = default;

void GrpcListener::Shutdown(std::chrono::milliseconds patience) {
  listener_ = nullptr;
  servers_->Shutdown(patience);
}

void SilenceGrpcLogs(bool keep_grpc) {
  google::protobuf::SetLogHandler(nullptr);
  if (!keep_grpc) gpr_set_log_function([](gpr_log_func_args*) {});
}

}  // namespace probegate
