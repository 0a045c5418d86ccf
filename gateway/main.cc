// probegate-gateway lets unmodified pyOCD use the probes of a probegate-server. This file wires its parts together.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "asio/signal_set.hpp"
#include "base/grpc/listener.h"
#include "base/server_list.h"
#include "gateway/gateway.h"
#include "gateway/grpc/grpc_upstream.h"
#include "gateway/menu.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/options.h"
#include "gateway/port_map.h"
#include "telemetry/build_info.h"
#include "telemetry/metrics.h"
#include "telemetry/process_metrics.h"
#include "telemetry/serve_metrics.h"

namespace probegate {
namespace {

// $XDG_STATE_HOME/probegate, or its default (XDG Base Directory Specification).
std::filesystem::path DefaultStateDirectory() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return std::filesystem::path(state) / "probegate";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr && *home != '\0' ? home : "/var/lib") / ".local/state/probegate";
}

// Files that the program may have open in addition to its clients' sockets: each probe's port, the connection to each
// server, and gRPC's own.
constexpr size_t kOtherFiles = 1024;

// Raises the soft limit of open files to the hard limit. Returns how many clients that leaves room for.
size_t MakeRoomForConnections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  // The usual soft limit of 1024 is for programs that use select(). This one does not.
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return limit.rlim_cur > 2 * kOtherFiles ? limit.rlim_cur - kOtherFiles : std::max<size_t>(limit.rlim_cur / 2, 1);
}

absl::StatusOr<std::vector<std::string>> LookUpAddresses(const Endpoint& server) {
  const ServerLookup lookup = LookUpServers({server});
  if (!lookup.failures.empty()) return lookup.failures.front().status;
  std::vector<std::string> addresses;
  for (const Server& found : lookup.servers) addresses.push_back(found.address.ToString());
  return addresses;
}

int Fail(Log& log, const absl::Status& why) {
  log.Write(LogLevel::kError, "gateway.failed", std::string(why.message()), {});
  return 1;
}

int Run(const ProgramOptions& options) {
  Log log(options.log_format, options.log_level);
  auto ports = PortMap::Open(options.state_directory, options.fixed_ports);
  if (!ports.ok()) return Fail(log, ports.status());
  // Declared before `io`, because connections update metrics until `io` is destroyed.
  MetricSet metrics;
  const Gauge build_info = ShowBuildInfo(metrics, "probegate-gateway");
  AddProcessMetrics(metrics);
  GatewayMetrics gateway_metrics(metrics);
  // Declared before `upstreams`, whose last callbacks still hold strands of `io`.
  asio::io_context io(options.io_threads);
  const auto upstreams = MakeGrpcUpstreams(metrics);
  std::optional<Menu> menu;
  if (::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0) menu.emplace(io);
  Gateway::Chooser choose;
  if (menu && menu->has_terminal()) {
    choose = [&menu](auto probes, auto chosen) { menu->Ask(std::move(probes), std::move(chosen)); };
  }
  asio::signal_set signals(io, SIGINT, SIGTERM);
  // With the menu and the signals cancelled, `io` can run out of work. A second signal then kills the program at once.
  const auto on_stop = [&] {
    if (menu) menu->Cancel();
    signals.cancel();
    signals.clear();
  };
  Gateway gateway(io, *upstreams, LookUpAddresses, *ports, options.gateway, std::move(choose), on_stop, gateway_metrics,
                  log);
  // Declared after `gateway`, so that it is destroyed first: it calls gateway.Missing().
  const auto http = ServeMetrics(options.metrics_listen, metrics, [&gateway] { return gateway.Missing(); }, log);
  if (!http.ok()) return Fail(log, http.status());
  signals.async_wait([&](asio::error_code error, int) {
    if (!error) gateway.Stop("the gateway is shutting down");
  });
  SilenceGrpcLogs(options.log_level == LogLevel::kDebug && options.log_format == LogFormat::kText);
  gateway.Start();
  std::vector<std::jthread> threads;
  for (int i = 1; i < options.io_threads; ++i) threads.emplace_back([&io] { io.run(); });
  io.run();
  threads.clear();
  if (gateway.exit_code() == 0) log.Info("stopped", {});
  return gateway.exit_code();
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) {
  // More arenas would cost resident memory and gain nothing, because allocations are few and short-lived.
  mallopt(M_ARENA_MAX, 2);
  // If a client disconnects while a reply is written, write() should return an error instead of raising a signal.
  std::signal(SIGPIPE, SIG_IGN);
  const auto parsed = probegate::ParseOptions(argc, argv,
                                              {.default_state_directory = probegate::DefaultStateDirectory(),
                                               .most_connections = probegate::MakeRoomForConnections()});
  if (const auto* exit = std::get_if<probegate::ExitNow>(&parsed)) return exit->code;
  return probegate::Run(std::get<probegate::ProgramOptions>(parsed));
}
