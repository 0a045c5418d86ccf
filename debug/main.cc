// probegate-debugd: debugging sessions over gRPC. This file only puts the parts together.
#include <malloc.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/grpc/listener.h"
#include "base/signals.h"
#include "debug/grpc/debug_server.h"
#include "debug/grpc/probe_lister.h"
#include "debug/launch/confinement.h"
#include "debug/options.h"
#include "debug/recipe.h"
#include "debug/sessions.h"
#include "telemetry/build_info.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/process_metrics.h"
#include "telemetry/readiness.h"
#include "telemetry/serve_metrics.h"

namespace probegate {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxUploads = 64;
constexpr std::chrono::seconds kPatience{2};  // with calls that are still being answered
// A session waits at most 3 s for the servers' lists of probes, 2 s for each of its three programs to end, and 5 s for
// its client, twice. The rest is for calls, for metrics, and for a loaded machine.
constexpr std::chrono::seconds kLongestEnd{30};
constexpr char kHangs[] = "probegate-debugd: the shutdown took too long, so the program exits now\n";

int Fail(Log& log, const absl::Status& why) {
  log.Write(LogLevel::kError, "debugd.failed", std::string(why.message()), {});
  return 1;
}

// A folder that only this user can access and that is removed with this object.
class OwnFolder {
 public:
  explicit OwnFolder(const std::string& parent) {
    std::string pattern = parent + "/probegate-debugd-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = fs::canonical(pattern);
  }
  ~OwnFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

absl::StatusOr<RecipeBook> ReadRecipes(const std::string& file) {
  const char* path = std::getenv("PATH");
  const std::string programs = path != nullptr ? path : "";
  if (file.empty()) return RecipeBook::BuiltIn(programs);
  const auto yaml = ReadTextFile(file);
  if (!yaml.ok()) return yaml.status();
  return RecipeBook::Read(file, *yaml, programs);
}

int Serve(const DebugdOptions& options, TerminationSignals& signals) {
  Log log(options.log.log_format(), options.log.level());
  SilenceGrpcLogs(options.log.level() == LogLevel::kDebug && options.log.log_format() == LogFormat::kText);
  const absl::Status confines = CanConfine();
  if (!confines.ok() && !options.allow_unconfined) {
    return Fail(log, absl::UnimplementedError(std::string(confines.message()) +
                                              ", so gdb cannot be confined; use --allow-unconfined to run it "
                                              "unconfined"));
  }
  const auto recipes = ReadRecipes(options.recipes);
  if (!recipes.ok()) return Fail(log, recipes.status());
  const auto elf_files = ElfFiles::Make(options.elf_folders);
  if (!elf_files.ok()) return Fail(log, elf_files.status());
  const OwnFolder folder(options.work);
  if (folder.path().empty()) {
    return Fail(log, absl::UnavailableError("cannot create a folder in " + options.work + " (--work-dir)"));
  }
  const fs::path programs = fs::read_symlink("/proc/self/exe").parent_path();

  MetricSet metrics;
  const Gauge build_info = ShowBuildInfo(metrics, "probegate-debugd");
  AddProcessMetrics(metrics);
  DebugMetrics debug_metrics(metrics);
  UploadStore uploads(folder.path(), options.max_upload, kMaxUploads);
  metrics.BeforeExpose([&] { debug_metrics.uploads.Set(static_cast<double>(uploads.size())); });
  const ProbeLister probes(options.servers);
  std::vector<std::string> servers;
  for (const Endpoint& server : options.servers) servers.push_back(server.ToString());
  const DebugContext context{.tools = {.launcher = programs / "probegate-launch",
                                       .gateway = programs / "probegate-gateway",
                                       .servers = std::move(servers),
                                       .confined = confines.ok()},
                             .sources = {.recipes = *recipes,
                                         .elf_files = *elf_files,
                                         .uploads = uploads,
                                         .list_probes = [&probes] { return probes.List(); }},
                             .limits = options.limits,
                             .work = folder.path(),
                             .metrics = debug_metrics,
                             .log = log};
  DebugSessions sessions(context, options.sessions);

  Readiness readiness("probegate-debugd");
  auto http = ServeMetrics(options.metrics.listen, metrics, [&readiness] { return readiness.Missing(); }, log);
  if (!http.ok()) return Fail(log, http.status());
  auto server = DebugServer::Start(options.listen, sessions, metrics);
  if (!server.ok()) return Fail(log, server.status());
  GrpcListener& listener = (*server)->listener();
  readiness.SetListening();
  const std::string address = listener.endpoint().ToString();
  if (options.allow_remote) {
    log.Warning("remote.allowed", {{"listen", address}, {"risk", "anyone who can reach this port can run gdb here"}});
  }
  if (!confines.ok()) log.Warning("unconfined", {{"reason", std::string(confines.message())}});
  log.Write(LogLevel::kInfo, "listening", "Listening on " + address, {{"address", address}});

  const int signal = signals.Wait();
  ExitWithin(kLongestEnd, kHangs);
  signals.Release();
  readiness.SetStopping();
  log.Info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  listener.StopServing();
  sessions.Stop();
  listener.Shutdown(kPatience);
  *http = nullptr;
  log.Info("stopped", {});
  return 0;
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) {
  // glibc gives each thread its own heap. The threads here are many and do little, so two heaps are enough.
  mallopt(M_ARENA_MAX, 2);
  // Processes that a session's programs leave behind become children of this program, which ends them.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  probegate::TerminationSignals signals;
  probegate::DebugdOptions options;
  if (const auto code = probegate::ReadDebugdOptions(argc, argv, options)) return *code;
  return probegate::Serve(options, signals);
}
