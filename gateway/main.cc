// probegate-gateway lets unmodified pyOCD use the probes of a probegate-server. This file wires its parts together.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "asio/executor_work_guard.hpp"
#include "asio/io_context.hpp"
#include "base/accept_loop.h"
#include "base/end_program.h"
#include "base/environment.h"
#include "base/grpc/client_security.h"
#include "base/grpc/listener.h"
#include "base/memory_trim.h"
#include "base/open_files.h"
#include "base/process_setup.h"
#include "base/quota.h"
#include "base/server_list.h"
#include "base/signals.h"
#include "base/socket.h"
#include "gateway/gateway.h"
#include "gateway/grpc/grpc_upstream.h"
#include "gateway/menu.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/options.h"
#include "gateway/port_map.h"
#include "telemetry/accept_log.h"
#include "telemetry/build_info.h"
#include "telemetry/log_metrics.h"
#include "telemetry/metrics.h"
#include "telemetry/process_metrics.h"
#include "telemetry/quota_metrics.h"
#include "telemetry/self_check.h"
#include "telemetry/serve_metrics.h"

namespace probegate {
namespace {

// $XDG_STATE_HOME/probegate, or its default (XDG Base Directory Specification).
std::filesystem::path DefaultStateDirectory() {
  const std::string state = VariableOfProcess("XDG_STATE_HOME");
  if (state.starts_with('/')) return std::filesystem::path(state) / "probegate";
  const std::string home = VariableOfProcess("HOME");
  return std::filesystem::path(home.empty() ? "/var/lib" : home) / ".local/state/probegate";
}

// Files that the program may have open in addition to its clients' sockets: each probe's port, the connection to each
// server, and gRPC's own.
constexpr size_t kOtherFiles = 1024;

// Raises the limit of open files. Returns how many clients that leaves room for.
size_t MakeRoomForConnections() {
  const size_t limit = RaiseOpenFileLimit();
  return limit > 2 * kOtherFiles ? limit - kOtherFiles : std::max<size_t>(limit / 2, 1);
}

absl::StatusOr<std::vector<std::string>> LookUpAddresses(const Endpoint& server) {
  const ServerLookup lookup = LookUpServers({server});
  if (!lookup.failures.empty()) return lookup.failures.front().status;
  std::vector<std::string> addresses;
  for (const Server& found : lookup.servers) addresses.push_back(found.address.ToString());
  return addresses;
}

// The longest time from the signal to the end of the program, whatever hangs: clients take up to 2 s to read their last
// replies (gateway/client/connection.cc), a check of the program itself takes up to 4 s (telemetry/self_check.h), and
// the log up to 1 s. The rest is for a loaded machine. docs/architecture.md states the sum.
constexpr std::chrono::seconds kLongestEnd{10};
constexpr char kHangs[] = "probegate-gateway: the shutdown took too long, so the program exits now\n";
ClientBounds::Limits LimitsOf(const ProgramOptions& options) {
  return {.connections = {.all = options.max_connections, .per_client = options.max_connections_per_client},
          .memory = {.all = options.max_memory_in_flight, .per_client = options.max_memory_in_flight / 4}};
}

int Fail(Log& log, const absl::Status& why) {
  log.Write(LogLevel::kError, "gateway.failed", std::string(why.message()), {});
  return 1;
}

int Run(const ProgramOptions& options, TerminationSignals& signals) {
  Log log(options.log_format, options.log_level);
  auto security = LoadClientSecurity(options.client);
  if (!security.ok()) return Fail(log, security.status());
  auto ports = PortMap::Open(options.state_directory, options.fixed_ports);
  if (!ports.ok()) return Fail(log, ports.status());
  // Declared before `io`, because connections update metrics until `io` is destroyed.
  MetricSet metrics;
  const Gauge build_info = ShowBuildInfo(metrics, "probegate-gateway");
  AddProcessMetrics(metrics);
  AddLogMetrics(metrics, log);
  GatewayMetrics gateway_metrics(metrics);
  ClientBounds bounds(LimitsOf(options), gateway_metrics, log);
  Quota metrics_connections("metrics_connections", kMetricsConnections);
  const QuotaMetrics quota_metrics(metrics, {&bounds.connections, &bounds.memory, &metrics_connections});
  AcceptLog accept_log(log);
  Uncounted uncounted;
  // Declared before `upstreams`, whose last callbacks still hold strands of `io`.
  asio::io_context io(options.io_threads);
  const auto upstreams = MakeGrpcUpstreams(metrics, *std::move(security));
  std::optional<Menu> menu;
  if (::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0) menu.emplace(io);
  Gateway::Chooser choose;
  if (menu && menu->has_terminal()) {
    choose = [&menu](auto probes, auto chosen) { menu->Ask(std::move(probes), std::move(chosen)); };
  }
  // Keeps `io` running while no client is connected. Without it, and without the menu, `io` can run out of work.
  auto work = asio::make_work_guard(io);
  const auto on_stop = [&] {
    work.reset();
    if (menu) menu->Cancel();
    signals.Cancel();
  };
  const auto accept_loop = AcceptLoop::Start(accept_log);
  if (!accept_loop.ok()) return Fail(log, accept_loop.status());
  Gateway gateway(io, *upstreams, LookUpAddresses, *ports, options.gateway, std::move(choose), on_stop, **accept_loop,
                  bounds, gateway_metrics, uncounted, log);
  // What follows is declared after `gateway`, so that it is destroyed first: it uses the gateway.
  const auto checks = SelfCheck::Start(
      {{.what = "the remote protocol", .run = [&gateway](Deadline deadline) { return gateway.CheckPort(deadline); }}});
  if (!checks.ok()) return Fail(log, checks.status());
  const SelfCheck& self_check = **checks;
  const auto http = ServeMetrics(**accept_loop, options.metrics_listen, metrics_connections, metrics,
                                 {.not_ready =
                                      [&gateway, &self_check] {
                                        auto missing = gateway.Missing();
                                        return missing.empty() ? self_check.Failing() : missing;
                                      },
                                  .not_alive = [&self_check] { return self_check.NotAlive(); }},
                                 log);
  if (!http.ok()) return Fail(log, http.status());
  const MemoryTrim trim;
  SilenceGrpcLogs(options.log_level == LogLevel::kDebug && options.log_format == LogFormat::kText);
  gateway.Start();
  std::vector<std::jthread> threads;
  for (int i = 0; i < options.io_threads; ++i) threads.emplace_back([&io] { io.run(); });
  // Not on a thread of `io`, so that whatever these threads do cannot delay the end.
  const int signal = signals.Wait();
  ExitWithin(kLongestEnd, kHangs);
  signals.Release();
  if (signal != 0) gateway.Stop("the gateway is shutting down");
  threads.clear();
  if (gateway.exit_code() == 0) log.Info("stopped", {});
  return gateway.exit_code();
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) {
  probegate::SetUpProcess();
  // Long lines and their requests go back to the system when they are freed. Without a fixed threshold the allocator
  // would soon keep blocks of up to 32 MiB.
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  probegate::TerminationSignals signals;
  const auto parsed = probegate::ParseOptions(argc, argv,
                                              {.default_state_directory = probegate::DefaultStateDirectory(),
                                               .most_connections = probegate::MakeRoomForConnections(),
                                               .environment = probegate::VariableOfProcess});
  if (const auto* exit = std::get_if<probegate::ExitNow>(&parsed)) return exit->code;
  probegate::EndProgram(probegate::Run(std::get<probegate::ProgramOptions>(parsed), signals));
}
