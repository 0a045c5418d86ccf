// probegate-server: owns debug probes and shares them over gRPC. This file only connects the parts.
#include <unistd.h>

#include <climits>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
#include "base/one_line.h"
#include "base/process_setup.h"
#include "base/quota.h"
#include "base/signals.h"
#include "base/timers.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/recording_transport.h"
#include "probe/cmsis_dap/tcp_transport.h"
#include "probe/cmsis_dap/usb_transport.h"
#include "probe/probe.h"
#include "probe/usb/libusb_bus.h"
#include "server/access/method_rights.h"
#include "server/catalog/catalog.h"
#include "server/catalog/probe_source.h"
#include "server/catalog/usb_source.h"
#include "server/config.h"
#include "server/grpc/grpc_server.h"
#include "server/metrics/server_metrics.h"
#include "server/packet_recorder.h"
#include "server/sessions/idle_thread.h"
#include "server/sessions/session_audit.h"
#include "server/sessions/session_registry.h"
#include "server/sessions/unary_sessions.h"
#include "server/sharing/work_bound.h"
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

namespace probegate {
namespace {

// Unary calls in progress, and WatchProbes calls, of which each gateway has one.
constexpr QuotaLimits kCalls{.all = 8192, .per_client = 1024};
constexpr QuotaLimits kWatches{.all = 1024, .per_client = 64};
constexpr std::chrono::seconds kConnectBound{2};
constexpr std::chrono::seconds kPatience{2};  // for clients that do not read how their session ended

constexpr std::chrono::seconds kCheckPatience{4};  // for a check of the server itself (telemetry/self_check.h)
constexpr std::chrono::seconds kSlack{3};          // for the log, and extra time on a loaded machine
// For how long a probe's thread may be busy with one thing: longer than any command and any probe that does not answer.
constexpr std::chrono::seconds kLaneBound{30};
constexpr char kHangs[] = "probegate-server: shutdown hangs and is cut short; a probe may be left connected\n";

// The longest time from the signal to the end of the program, whatever hangs. A slow probe has kLongestFarewell for
// what the sessions give back; one that then does not answer takes four times the reply time-out, and counts as gone
// (probe/cmsis_dap/driver.h). Slow clients take the patience above. docs/architecture.md states the sum.
std::chrono::seconds LongestEnd() {
  const auto farewell = std::chrono::ceil<std::chrono::seconds>(kLongestFarewell);
  const auto gone = std::chrono::ceil<std::chrono::seconds>(4 * cmsis_dap::Options{}.reply_timeout);
  return farewell + gone + kPatience + kCheckPatience + kSlack;
}

ProbeSource::Opener CmsisDapOverTcp(const Endpoint& endpoint, const cmsis_dap::TransportWrapper& wrap,
                                    const cmsis_dap::ProbeRules& rules) {
  const auto settings = [rules](const ProbeInfo& info) {
    return rules.For({.uids = {info.unique_id}, .usb = {}, .product = info.product_name, .version = {}});
  };
  return [endpoint, wrap, settings]() -> absl::StatusOr<std::unique_ptr<Probe>> {
    auto transport = cmsis_dap::ConnectTcp(endpoint, kConnectBound);
    if (!transport.ok()) return transport.status();
    return cmsis_dap::OpenCmsisDap(wrap(*std::move(transport), "tcp:" + endpoint.ToString()),
                                   {.fallback_id = endpoint.ToString(), .settings = settings});
  };
}

// What to wrap around each transport: the recorder, if there is one.
cmsis_dap::TransportWrapper Wrapper(PacketRecorder* recorder) {
  return [recorder](std::unique_ptr<cmsis_dap::Transport> transport, const std::string& location) {
    if (recorder == nullptr) return transport;
    return cmsis_dap::Record(std::move(transport), recorder->NewSink(location));
  };
}

int Fail(Log& log, const absl::Status& why) {
  log.Write(LogLevel::kError, "server.failed", std::string(why.message()), {});
  return 1;
}

void WarnOfRisks(const ServerConfig& config, Log& log) {
  WarnOfExposure(config.exposure.allow_remote, config.listen, config.tls.server(), !config.access.access.empty(),
                 "control the boards", log);
  if (!config.usb && config.cmsis_dap_tcp.empty()) {
    log.Warning(
        "no.probes",
        {{"hint", "remove --no-usb to use probes on USB, or name networked ones with --cmsis-dap-tcp HOST:PORT"}});
  }
}

GrpcLimits Limits(const ServerConfig& config, const SessionRegistry& sessions, AcceptLog& accept_log) {
  return {.memory = config.memory.all,
          .trusted = [&sessions](const Peer& peer) { return sessions.IsTrustedGateway(peer); },
          .idle = config.connection_idle,
          .on_flood = [&accept_log](const Peer& peer) { accept_log.OnFlood("gRPC", peer); }};
}

AccessFile::Paths AccessPaths(const AccessOptions& options) {
  return {.access = options.access, .tokens = options.tokens, .key_cache = options.key_cache};
}

// This machine's name; empty if the system does not report one.
std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof name - 1) == 0 ? OneLine(name) : std::string();
}

int Serve(const ServerConfig& config, TerminationSignals& signals) {
  if (!config.access.audit.empty()) BlockHangup();
  Log log(config.log.log_format(), config.log.level());
  SilenceGrpcLogs(config.log.level() == LogLevel::kDebug && config.log.log_format() == LogFormat::kText);
  const auto tls = StartTls(config.tls.server(), log);
  if (!tls.ok()) return Fail(log, tls.status());
  MetricSet metrics;
  const Gauge build_info = ShowBuildInfo(metrics, "probegate-server");
  AddProcessMetrics(metrics);
  AddLogMetrics(metrics, log);
  AddTlsMetrics(metrics, tls->get());
  ServerMetrics server_metrics(metrics);
  AcceptLog accept_log(log);
  Quota connections("connections", ConnectionLimits(config.connections, log));
  Quota metrics_connections("metrics_connections", kMetricsConnections);
  const auto loop = AcceptLoop::Start(accept_log);
  if (!loop.ok()) return Fail(log, loop.status());
  std::unique_ptr<PacketRecorder> recorder;
  if (!config.record.empty()) {
    auto opened = PacketRecorder::Open(config.record, log);
    if (!opened.ok()) return Fail(log, opened.status());
    recorder = *std::move(opened);
  }
  const cmsis_dap::TransportWrapper wrap = Wrapper(recorder.get());
  const cmsis_dap::ProbeRules rules(config.probe_rules);
  const std::string host = HostName();
  const auto audit = AuditLog::Open(config.access.audit, "probegate-server");
  if (!audit.ok()) return Fail(log, audit.status());
  SessionAudit session_audit(audit->get());
  Catalog catalog({.lane = config.lane, .host = host, .uids = config.uids, .observer = &session_audit}, server_metrics,
                  log);
  Quota session_quota("sessions", config.sessions);
  Quota memory_quota("memory", config.memory);
  Quota call_quota("calls", kCalls);
  Quota watch_quota("watches", kWatches);
  const QuotaMetrics quota_metrics(
      metrics, {&connections, &metrics_connections, &session_quota, &memory_quota, &call_quota, &watch_quota});
  const MemoryTrim memory_trim;
  AccessTrail access_trail(log, metrics, audit->get());
  AccessControl access({.restricts = !config.access.access.empty(),
                        .identifies = config.access.identifies(),
                        .token_grace = config.access.token_grace,
                        .methods = ServerMethods(),
                        .observer = &access_trail},
                       OpenToAll());
  Timers timers;
  SessionRegistry sessions(catalog, log, session_quota, access, session_audit, timers, config.gateways);
  UnarySessions unary_sessions(sessions);
  const IdleThread idle_thread(unary_sessions);
  metrics.BeforeExpose([&catalog] { catalog.RefreshMetrics(); });

  Readiness readiness("the server");
  const auto audit_watch = WatchAudit(audit->get(), readiness);
  if (!audit_watch.ok()) return Fail(log, audit_watch.status());
  auto http = ServeMetrics(**loop, config.metrics.listen, metrics_connections, metrics, readiness.pages(), log);
  if (!http.ok()) return Fail(log, http.status());
  std::unique_ptr<AccessFiles> access_files;
  if (config.access.identifies()) {
    auto opened = AccessFiles::Open(AccessPaths(config.access), access, access_trail, log, [&sessions, &catalog] {
      sessions.EndDenied();
      catalog.TellAll();
    });
    if (!opened.ok()) return Fail(log, opened.status());
    access_files = *std::move(opened);
  }
  auto server = GrpcServer::Start({.loop = **loop,
                                   .connections = connections,
                                   .listen = config.listen,
                                   .limits = Limits(config, sessions, accept_log),
                                   .tls = tls->get(),
                                   .group = config.exposure.group},
                                  host, catalog, sessions, unary_sessions, access,
                                  {.memory = memory_quota, .calls = call_quota, .watches = watch_quota}, metrics);
  if (!server.ok()) return Fail(log, server.status());
  const absl::Status checked = readiness.SetListening(
      {GrpcCheck((*server)->endpoint(), [&server](const Endpoint& from) { (*server)->Expect(from); }),
       {.what = "threads of probes", .run = [&catalog](Deadline) { return catalog.CheckLanes(kLaneBound); }}});
  if (!checked.ok()) return Fail(log, checked);
  WarnOfRisks(config, log);
  std::vector<std::unique_ptr<ProbeSource>> sources;
  for (const Endpoint& endpoint : config.cmsis_dap_tcp) {
    auto source = ProbeSource::Start("tcp:" + endpoint.ToString(), CmsisDapOverTcp(endpoint, wrap, rules), catalog, log,
                                     RetryPauses{});
    if (!source.ok()) return Fail(log, source.status());
    sources.push_back(*std::move(source));
  }
  std::optional<UsbSource> usb;
  if (config.usb) {
    usb.emplace(usb::OpenLibusb, std::vector<usb::Driver>{cmsis_dap::UsbDriver(wrap, rules)}, catalog, log);
  }
  const std::string address = (*server)->endpoint().ToString();
  log.Write(LogLevel::kInfo, "listening", "Listening on " + address, {{"address", address}});

  const int signal = signals.Wait();
  ExitWithin(LongestEnd(), kHangs);
  signals.Release();
  readiness.SetStopping();
  log.Info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  (*server)->StopServing();
  for (const auto& source : sources) source->StopTrying();
  if (usb) usb->StopTrying();
  catalog.Stop("server is shutting down");
  (*server)->Shutdown(kPatience);
  timers.Stop();
  *http = nullptr;
  log.Info("stopped", {});
  return 0;
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) {
  probegate::SetUpProcess();
  probegate::TerminationSignals signals;
  probegate::ServerConfig config;
  if (const auto code = probegate::ReadServerConfig(argc, argv, config)) return *code;
  probegate::EndProgram(probegate::Serve(config, signals));
}
