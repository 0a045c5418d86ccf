// probegate-broker: leases of probes. This file only puts the parts together.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "access/access_file.h"
#include "access/audit_log.h"
#include "access/service/access_control.h"
#include "access/service/access_files.h"
#include "access/service/access_trail.h"
#include "access/service/audit_watch.h"
#include "base/accept_loop.h"
#include "base/end_program.h"
#include "base/grpc/listener.h"
#include "base/grpc/server_tls.h"
#include "base/memory_trim.h"
#include "base/process_setup.h"
#include "base/quota.h"
#include "base/signals.h"
#include "broker/grpc/broker_server.h"
#include "broker/grpc/method_rights.h"
#include "broker/leases/lease_book.h"
#include "broker/leases/lease_loop.h"
#include "broker/options.h"
#include "broker/store/open_store.h"
#include "broker/trail/lease_trail.h"
#include "telemetry/accept_log.h"
#include "telemetry/build_info.h"
#include "telemetry/connection_limits.h"
#include "telemetry/grpc/grpc_check.h"
#include "telemetry/grpc/tls_log.h"
#include "telemetry/grpc/tls_metrics.h"
#include "telemetry/log.h"
#include "telemetry/log_metrics.h"
#include "telemetry/metrics.h"
#include "telemetry/process_metrics.h"
#include "telemetry/quota_metrics.h"
#include "telemetry/readiness.h"
#include "telemetry/serve_metrics.h"

namespace probegate::broker {
namespace {

constexpr std::chrono::seconds kPatience{2};     // with calls that are still being answered
constexpr std::chrono::seconds kLongestEnd{15};  // that, a check of the program itself, a slow disk, and the log
constexpr std::chrono::seconds kStatePatience{1};
constexpr char kHangs[] = "probegate-broker: the shutdown took too long, so the program exits now\n";

int Fail(Log& log, const absl::Status& why) {
  log.Write(LogLevel::kError, "broker.failed", std::string(why.message()), {});
  return 1;
}

int64_t WallClock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// SIGINT and SIGTERM are blocked, so one that came is pending.
bool IsAskedToEnd() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

Standby StandbyOf(Log& log) {
  return {.waiting = [&log] { log.Info("standby", {}); }, .keep_going = [] { return !IsAskedToEnd(); }};
}

absl::Status Restore(LeaseStore& store, LeaseBook& book) {
  const auto leases = store.Load(RecordKind::kLease);
  if (!leases.ok()) return leases.status();
  const auto probes = store.Load(RecordKind::kProbe);
  if (!probes.ok()) return probes.status();
  return book.Restore(*leases, *probes, LeaseLoop::Clock::now());
}

// Nothing while the loop does not answer, because the store fails.
std::optional<LeaseBook::State> StateOf(LeaseLoop& loop) {
  const auto promise = std::make_shared<std::promise<LeaseBook::State>>();
  auto state = promise->get_future();
  loop.Post([promise](LeaseBook& book, LeaseLoop::Clock::time_point) { promise->set_value(book.GetState()); });
  if (state.wait_for(kStatePatience) != std::future_status::ready) return std::nullopt;
  return state.get();
}

LeaseLoop::Callbacks LoopCallbacks(LeaseTrail& trail, Log& log) {
  return {.stored = [&trail](std::chrono::nanoseconds took) { trail.OnStored(took); },
          .failed = [&trail](const absl::Status& why) { trail.OnStoreFailed(why); },
          .lost =
              [&log](const absl::Status& why) {
                (void)Fail(log, why);
                log.Flush();
                std::_Exit(1);
              }};
}

void TakeRules(LeaseBook& book, LeaseLoop::Clock::time_point now) { book.OnPolicy(now); }

GrpcLimits Limits(const BrokerOptions& options, AcceptLog& accept_log) {
  return {.trusted = [](const Peer& peer) { return peer.local(); },
          .idle = options.connection_idle,
          .on_flood = [&accept_log](const Peer& peer) { accept_log.OnFlood("gRPC", peer); }};
}

int Serve(const BrokerOptions& options, TerminationSignals& signals) {
  if (!options.access.audit.empty()) BlockHangup();
  Log log(options.log.log_format(), options.log.level());
  SilenceGrpcLogs(options.log.level() == LogLevel::kDebug && options.log.log_format() == LogFormat::kText);
  const auto tls = StartTls(options.tls.server(), log);
  if (!tls.ok()) return Fail(log, tls.status());
  MetricSet metrics;
  const Gauge build_info = ShowBuildInfo(metrics, "probegate-broker");
  AddProcessMetrics(metrics);
  AddLogMetrics(metrics, log);
  AddTlsMetrics(metrics, tls->get());
  AcceptLog accept_log(log);
  Quota connections("connections", ConnectionLimits(options.connections, log));
  Quota metrics_connections("metrics_connections", kMetricsConnections);
  Quota leases("leases", options.leases);
  const QuotaMetrics quota_metrics(metrics, {&connections, &metrics_connections, &leases});
  const auto audit = AuditLog::Open(options.access.audit, "probegate-broker");
  if (!audit.ok()) return Fail(log, audit.status());
  const auto accept_loop = AcceptLoop::Start(accept_log);
  if (!accept_loop.ok()) return Fail(log, accept_loop.status());
  AccessTrail access_trail(log, metrics, audit->get());
  AccessControl access({.restricts = !options.access.access.empty(),
                        .identifies = options.access.identifies(),
                        .token_grace = options.access.token_grace,
                        .methods = BrokerMethods(),
                        .observer = &access_trail},
                       OpenToAll());

  const Pools pools(options.pools);
  LeaseTrail trail(pools.Names(), log, metrics, audit->get());
  LeaseBook book({.rules = options.rules,
                  .pools = pools,
                  .policy = [&access] { return access.policy(); },
                  .restricts = access.restricts(),
                  .wall_clock = WallClock},
                 leases, trail);
  // Destroyed after whatever uses them.
  std::unique_ptr<LeaseStore> store;
  std::unique_ptr<LeaseLoop> loop;
  Readiness readiness("the broker");
  auto http = ServeMetrics(**accept_loop, options.metrics.listen, metrics_connections, metrics, readiness.pages(), log);
  if (!http.ok()) return Fail(log, http.status());
  auto opened_store = OpenStore(options.store, StandbyOf(log));
  if (absl::IsCancelled(opened_store.status())) return 0;
  if (!opened_store.ok()) return Fail(log, opened_store.status());
  store = *std::move(opened_store);
  std::atomic<LeaseLoop*> loop_of_rules = nullptr;  // null until the loop runs, which needs the rules first
  std::unique_ptr<AccessFiles> access_files;
  if (options.access.identifies()) {
    auto opened = AccessFiles::Open(
        {.access = options.access.access, .tokens = options.access.tokens, .key_cache = options.access.key_cache},
        access, access_trail, log, [&loop_of_rules] {
          if (LeaseLoop* const running = loop_of_rules) running->Post(TakeRules);
        });
    if (!opened.ok()) return Fail(log, opened.status());
    access_files = *std::move(opened);
  }
  if (const absl::Status restored = Restore(*store, book); !restored.ok()) return Fail(log, restored);
  auto started = LeaseLoop::Start(book, *store, LoopCallbacks(trail, log));
  if (!started.ok()) return Fail(log, started.status());
  loop = *std::move(started);
  loop_of_rules = loop.get();
  // They may have changed just now.
  loop->Post(TakeRules);
  metrics.BeforeExpose([&trail, &loop] {
    if (const auto state = StateOf(*loop)) trail.Show(*state);
  });
  const MemoryTrim memory_trim;

  readiness.Require([&loop] { return loop->ok(); });
  const auto audit_watch = WatchAudit(audit->get(), readiness);
  if (!audit_watch.ok()) return Fail(log, audit_watch.status());
  auto server = BrokerServer::Start({.loop = **accept_loop,
                                     .connections = connections,
                                     .listen = options.listen,
                                     .limits = Limits(options, accept_log),
                                     .tls = tls->get(),
                                     .group = options.exposure.group},
                                    *loop, access, audit->get(), metrics);
  if (!server.ok()) return Fail(log, server.status());
  GrpcListener& listener = (*server)->listener();
  const absl::Status checked = readiness.SetListening(
      {GrpcCheck(listener.endpoint(), [&listener](const Endpoint& from) { listener.Expect(from); })});
  if (!checked.ok()) return Fail(log, checked);
  WarnOfExposure(options.exposure.allow_remote, listener.endpoint(), options.tls.server(),
                 !options.access.access.empty(), "lease the boards", log);
  const std::string address = listener.endpoint().ToString();
  log.Write(LogLevel::kInfo, "listening", "Listening on " + address, {{"address", address}});

  const int signal = signals.Wait();
  ExitWithin(kLongestEnd, kHangs);
  signals.Release();
  readiness.SetStopping();
  log.Info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  listener.StopServing();
  loop->Post([](LeaseBook& of, LeaseLoop::Clock::time_point) {
    of.Close(absl::UnavailableError("the broker is stopping; what is leased or waits goes on when it is back"));
  });
  listener.Shutdown(kPatience);
  *http = nullptr;
  access_files = nullptr;
  loop->Stop();
  log.Info("stopped", {});
  return 0;
}

}  // namespace
}  // namespace probegate::broker

int main(int argc, char** argv) {
  probegate::SetUpProcess();
  probegate::TerminationSignals signals;
  probegate::broker::BrokerOptions options;
  if (const auto code = probegate::broker::ReadBrokerOptions(argc, argv, options)) return *code;
  probegate::EndProgram(probegate::broker::Serve(options, signals));
}
