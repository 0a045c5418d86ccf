// probegate-server: owns debug probes and shares them over gRPC. This file only wires.
#include <malloc.h>

#include <csignal>
#include <iostream>
#include <list>

#include <grpc/support/log.h>

#include "base/signals.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/tcp_transport.h"
#include "probe/observer.h"
#include "server/catalog.h"
#include "server/config.h"
#include "server/grpc/grpc_server.h"
#include "server/session_registry.h"
#include "server/tcp_source.h"
#include "telemetry/log.h"

namespace probegate {
namespace {

constexpr size_t kMaxSessions = 1024;
constexpr std::chrono::seconds kConnectBound{2};
constexpr std::chrono::seconds kPatience{2};  // with clients that do not read how their session ended

constexpr std::chrono::seconds kLongestCommand{2};
constexpr std::chrono::seconds kSlack{2};  // what a loaded machine needs
constexpr char kHangs[] = "probegate-server: the end hangs and is cut short; a probe may be left connected\n";

// From the signal to the end, whatever hangs. A probe that does not answer costs its command's own time and four times
// the time-out of a reply, then counts as gone (probe/cmsis_dap/driver.h); clients cost their patience.
// docs/architecture.md names the sum.
std::chrono::seconds LongestEnd() {
  const auto gone = std::chrono::ceil<std::chrono::seconds>(4 * cmsis_dap::Options{}.reply_timeout);
  return kLongestCommand + gone + kPatience + kSlack;
}

void LimitMemory() {
  // glibc gives each thread its own heap, up to eight a CPU; the threads here are many and do little.
  mallopt(M_ARENA_MAX, 2);
}

// gRPC has its own log on standard error; what of it matters to a user, the server says itself.
void SilenceGrpc(const Log& log) {
  if (!log.enabled(LogLevel::kDebug)) gpr_set_log_function([](gpr_log_func_args*) {});
}

// What happens on the wire is counted by nobody.
class NoObserver final : public ProbeObserver {
 public:
  void OnPacket(size_t, size_t, size_t) override {}
  void OnWait() override {}
  void OnFault() override {}
  void OnNoAck() override {}
  void OnRetry() override {}
};

TcpSource::Opener CmsisDapOverTcp(const Endpoint& endpoint, ProbeObserver& observer) {
  return [endpoint, &observer]() -> absl::StatusOr<std::unique_ptr<Probe>> {
    auto transport = cmsis_dap::ConnectTcp(endpoint, kConnectBound);
    if (!transport.ok()) return transport.status();
    return cmsis_dap::OpenCmsisDap(*std::move(transport), observer, {.fallback_id = endpoint.ToString()});
  };
}

int Serve(const ServerConfig& config, TerminationSignals& signals) {
  Log log(config.log.log_format(), config.log.level());
  SilenceGrpc(log);
  NoObserver observer;
  Catalog catalog({.lane = config.lane, .uids = config.uids}, log);
  SessionRegistry sessions(catalog, log, kMaxSessions);
  auto server = GrpcServer::Start(config.listen, catalog, sessions);
  if (!server.ok()) {
    std::cerr << "probegate-server: " << server.status().message() << "\n";
    return 1;
  }
  if (config.allow_remote) {
    log.Warning("remote.allowed",
                {{"listen", config.listen.ToString()}, {"risk", "anyone who reaches this port controls the boards"}});
  }
  std::list<TcpSource> sources;
  for (const Endpoint& endpoint : config.cmsis_dap_tcp) {
    sources.emplace_back("tcp:" + endpoint.ToString(), CmsisDapOverTcp(endpoint, observer), catalog, log,
                         RetryPauses{});
  }
  if (sources.empty()) log.Warning("no.probes", {{"hint", "say where probes are with --cmsis-dap-tcp HOST:PORT"}});
  const std::string address = (*server)->endpoint().ToString();
  log.Write(LogLevel::kInfo, "listening", "Listening on " + address, {{"address", address}});

  const int signal = signals.Wait();
  ExitWithin(LongestEnd(), kHangs);
  signals.Release();
  log.Info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  (*server)->StopServing();
  for (TcpSource& source : sources) source.StopTrying();
  catalog.Stop("server is shutting down");
  (*server)->Shutdown(kPatience);
  log.Info("stopped", {});
  return 0;
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) {
  probegate::LimitMemory();
  probegate::TerminationSignals signals;
  probegate::ServerConfig config;
  if (const auto code = probegate::ReadServerConfig(argc, argv, config)) return *code;
  return probegate::Serve(config, signals);
}
