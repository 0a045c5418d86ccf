// probegate-debugd: debugging sessions over gRPC. This file only puts the parts together.
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "access/access_file.h"
#include "access/audit_log.h"
#include "access/service/access_control.h"
#include "access/service/access_files.h"
#include "access/service/access_trail.h"
#include "access/service/audit_watch.h"
#include "base/accept_loop.h"
#include "base/end_program.h"
#include "base/grpc/client_security.h"
#include "base/grpc/listener.h"
#include "base/grpc/server_tls.h"
#include "base/memory_trim.h"
#include "base/process_setup.h"
#include "base/quota.h"
#include "base/signals.h"
#include "base/timers.h"
#include "config/client_options.h"
#include "debug/confinement_report.h"
#include "debug/debug_audit.h"
#include "debug/grpc/debug_server.h"
#include "debug/grpc/probe_lister.h"
#include "debug/launch/confinement.h"
#include "debug/launch/landlock.h"
#include "debug/method_rights.h"
#include "debug/options.h"
#include "debug/recipe.h"
#include "debug/sandbox.h"
#include "debug/session_groups.h"
#include "debug/sessions.h"
#include "debug/work_folder.h"
#include "debug/workers.h"
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

namespace fs = std::filesystem;

constexpr size_t kDiskThreads = 2;            // for each disk
constexpr std::chrono::seconds kPatience{2};  // with calls that are still being answered
// A session waits at most 2 s for each of its three programs to end, 5 s for its client, twice, and 1 s for its files
// to be removed. Removing the rest takes 3 s. The rest is for calls, for a check of the program itself, for the log,
// and for a loaded machine.
constexpr std::chrono::seconds kLongestEnd{30};
constexpr char kHangs[] = "probegate-debugd: the shutdown took too long, so the program exits now\n";

int Fail(Log& log, const absl::Status& why) {
  log.Write(LogLevel::kError, "debugd.failed", std::string(why.message()), {});
  return 1;
}

absl::StatusOr<RecipeBook> ReadRecipes(const std::string& file) {
  const char* path = std::getenv("PATH");
  const std::string programs = path != nullptr ? path : "";
  if (file.empty()) return RecipeBook::BuiltIn(programs);
  const auto yaml = ReadTextFile(file);
  if (!yaml.ok()) return yaml.status();
  return RecipeBook::Read(file, *yaml, programs);
}

// The threads that the user of this program has now; those that are hidden from it do not count.
uint64_t ThreadsOfUser() {
  uint64_t threads = 0;
  std::error_code error;
  for (const fs::directory_entry& process : fs::directory_iterator("/proc", error)) {
    struct stat status{};
    if (::stat(process.path().c_str(), &status) != 0 || status.st_uid != ::geteuid()) continue;
    for (fs::directory_iterator task(process.path() / "task", error), end; !error && task != end;
         task.increment(error)) {
      ++threads;
    }
  }
  return threads;
}

// RLIMIT_NPROC of a session's programs. In a user namespace, only the threads of the session count. Otherwise all of
// the user's count: those that exist, and as many for each session.
uint64_t MostThreads(bool namespaces, uint64_t sessions) {
  // gdb starts a thread for each processor.
  const uint64_t per_session = 128 + std::thread::hardware_concurrency();
  return namespaces ? per_session : ThreadsOfUser() + per_session * sessions;
}

using Groups = absl::StatusOr<std::unique_ptr<SessionGroups>>;

bool Limited(const Groups& groups, GroupLimit limit) { return groups.ok() && (*groups)->Has(limit); }

std::string NamesOfLimits(const Groups& groups) {
  if (!groups.ok()) return "no";
  std::string names;
  for (const GroupLimitRow& row : kGroupLimits) {
    if (Limited(groups, row.limit)) names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return names.empty() ? "without limits" : names;
}

void LogConfinement(Log& log, const absl::Status& confines, const absl::Status& sandboxes, const Groups& groups) {
  if (!confines.ok()) {
    log.Warning("unconfined", {{"reason", std::string(confines.message())}});
    return;
  }
  const ConfinementReport report{.landlock = LandlockVersion(),
                                 .namespaces = sandboxes.ok(),
                                 .root = ::geteuid() == 0,
                                 .memory = Limited(groups, GroupLimit::kMemory),
                                 .threads = Limited(groups, GroupLimit::kThreads),
                                 .processors = Limited(groups, GroupLimit::kProcessors)};
  log.Write(sandboxes.ok() ? LogLevel::kInfo : LogLevel::kWarning, "confinement", {},
            {{"landlock", report.landlock},
             {"namespaces", sandboxes.ok() ? "yes" : "no"},
             {"reason", std::string(sandboxes.message())},
             {"groups", NamesOfLimits(groups)},
             {"groups_reason", std::string(groups.status().message())},
             {"open", report.Open()}});
}

GrpcLimits Limits(const DebugdOptions& options, AcceptLog& accept_log) {
  return {.memory = options.quotas.memory_bytes,
          .trusted = [](const Peer& peer) { return peer.local(); },
          .idle = options.connection_idle,
          .on_flood = [&accept_log](const Peer& peer) { accept_log.OnFlood("gRPC", peer); }};
}

AccessFile::Paths AccessPaths(const AccessOptions& options) {
  return {.access = options.access, .tokens = options.tokens, .key_cache = options.key_cache};
}

int Serve(const DebugdOptions& options, TerminationSignals& signals) {
  if (!options.access.audit.empty()) BlockHangup();
  Log log(options.log.log_format(), options.log.level());
  SilenceGrpcLogs(options.log.level() == LogLevel::kDebug && options.log.log_format() == LogFormat::kText);
  const absl::Status confines = CanConfine();
  if (!confines.ok() && !options.allow_unconfined) {
    return Fail(log, absl::UnimplementedError(std::string(confines.message()) +
                                              ", so gdb cannot be confined; use --allow-unconfined to run it "
                                              "unconfined"));
  }
  auto recipes = ReadRecipes(options.recipes);
  if (!recipes.ok()) return Fail(log, recipes.status());
  if (const absl::Status found = confines.ok() ? recipes->FindInstallations() : absl::OkStatus(); !found.ok()) {
    return Fail(log, found);
  }
  const auto elf_files = ElfFiles::Make(options.elf_folders);
  if (!elf_files.ok()) return Fail(log, elf_files.status());
  const Groups groups = SessionGroups::Take(options.group_limits, log);
  auto work = WorkFolder::Make(options.work, log);
  if (!work.ok()) return Fail(log, work.status());
  const fs::path programs = fs::read_symlink("/proc/self/exe").parent_path();
  const absl::Status sandboxes = confines.ok() ? TrySandbox(programs / "probegate-launch", (*work)->path())
                                               : absl::UnimplementedError("not confined");

  const auto security = LoadClientSecurity(options.client());
  if (!security.ok()) return Fail(log, security.status());
  auto tls = StartTls(options.tls.server(), log);
  if (!tls.ok()) return Fail(log, tls.status());

  MetricSet metrics;
  const Gauge build_info = ShowBuildInfo(metrics, "probegate-debugd");
  AddProcessMetrics(metrics);
  AddLogMetrics(metrics, log);
  AddTlsMetrics(metrics, tls->get());
  DebugMetrics debug_metrics(metrics);
  const auto audit = AuditLog::Open(options.access.audit, "probegate-debugd");
  if (!audit.ok()) return Fail(log, audit.status());
  const DebugAudit debug_audit(audit->get());
  AccessTrail access_trail(log, metrics, audit->get());
  AccessControl access({.restricts = !options.access.access.empty(),
                        .identifies = options.access.identifies(),
                        .serves = Right::kDebug,
                        .token_grace = options.access.token_grace,
                        .methods = DebugMethods(),
                        .observer = &access_trail},
                       OpenToAll());
  DebugQuotas quotas(options.quotas);
  Workers elf_disk(kDiskThreads);
  Workers work_disk(kDiskThreads);
  Timers timers;
  UploadStore uploads((*work)->uploads(), options.uploads, quotas.uploads, timers, work_disk);
  metrics.BeforeExpose([&] {
    debug_metrics.uploads.Set(static_cast<double>(quotas.uploads.usage().taken));
    debug_metrics.leftovers.Set(static_cast<double>((*work)->trash().size()));
  });
  ProbeLister probes(options.servers, timers, *security);
  AcceptLog accept_log(log);
  Quota connections("connections", ConnectionLimits(options.connections, log));
  Quota metrics_connections("metrics_connections", kMetricsConnections);
  const QuotaMetrics quota_metrics(
      metrics, {&connections, &metrics_connections, &quotas.sessions, &quotas.uploads, &quotas.calls, &quotas.memory});
  const auto loop = AcceptLoop::Start(accept_log);
  if (!loop.ok()) return Fail(log, loop.status());
  std::vector<std::string> servers;
  for (const Endpoint& server : options.servers) servers.push_back(server.ToString());
  const uint64_t threads =
      Limited(groups, GroupLimit::kThreads) ? 0 : MostThreads(sandboxes.ok(), options.quotas.sessions.all);
  const DebugContext context{.tools = {.launcher = programs / "probegate-launch",
                                       .gateway = programs / "probegate-gateway",
                                       .servers = std::move(servers),
                                       .tls = WordsFor(options.client()),
                                       .confined = confines.ok(),
                                       .namespaces = sandboxes.ok(),
                                       .threads = threads},
                             .sources = {.recipes = *recipes,
                                         .elf_files = *elf_files,
                                         .uploads = uploads,
                                         .access = access,
                                         .list_probes = [&probes](const ProbesCallback& done) { probes.List(done); }},
                             .limits = options.limits,
                             .work = **work,
                             .groups = groups.ok() ? groups->get() : nullptr,
                             .quotas = quotas,
                             .timers = timers,
                             .elf_disk = elf_disk,
                             .work_disk = work_disk,
                             .metrics = debug_metrics,
                             .audit = debug_audit,
                             .log = log};
  DebugSessions sessions(context);
  const MemoryTrim memory_trim;

  Readiness readiness("probegate-debugd");
  const auto audit_watch = WatchAudit(audit->get(), readiness);
  if (!audit_watch.ok()) return Fail(log, audit_watch.status());
  auto http = ServeMetrics(**loop, options.metrics.listen, metrics_connections, metrics, readiness.pages(), log);
  if (!http.ok()) return Fail(log, http.status());
  std::unique_ptr<AccessFiles> access_files;
  if (options.access.identifies()) {
    auto opened = AccessFiles::Open(AccessPaths(options.access), access, access_trail, log,
                                    [&sessions] { sessions.CheckAccess(); });
    if (!opened.ok()) return Fail(log, opened.status());
    access_files = *std::move(opened);
  }
  auto server = DebugServer::Start({.loop = **loop,
                                    .connections = connections,
                                    .listen = options.listen,
                                    .limits = Limits(options, accept_log),
                                    .tls = tls->get(),
                                    .group = options.exposure.group},
                                   sessions, access, metrics);
  if (!server.ok()) return Fail(log, server.status());
  GrpcListener& listener = (*server)->listener();
  const absl::Status checked = readiness.SetListening(
      {GrpcCheck(listener.endpoint(), [&listener](const Endpoint& from) { listener.Expect(from); })});
  if (!checked.ok()) return Fail(log, checked);
  const std::string address = listener.endpoint().ToString();
  WarnOfExposure(options.exposure.allow_remote, listener.endpoint(), options.tls.server(),
                 !options.access.access.empty(), "run gdb here", log);
  LogConfinement(log, confines, sandboxes, groups);
  log.Write(LogLevel::kInfo, "listening", "Listening on " + address, {{"address", address}});

  const int signal = signals.Wait();
  ExitWithin(kLongestEnd, kHangs);
  signals.Release();
  readiness.SetStopping();
  log.Info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  listener.StopServing();
  sessions.Stop();
  listener.Shutdown(kPatience);
  access_files = nullptr;
  timers.Stop();
  elf_disk.Stop();
  work_disk.Stop();
  *http = nullptr;
  log.Info("stopped", {});
  return 0;
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) {
  probegate::SetUpProcess();
  // Processes that a session's programs leave behind become children of this program, which ends them.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  probegate::TerminationSignals signals;
  probegate::DebugdOptions options;
  if (const auto code = probegate::ReadDebugdOptions(argc, argv, options)) return *code;
  probegate::EndProgram(probegate::Serve(options, signals));
}
