#include "debug/options.h"

#include "base/server_list.h"
#include "config/arguments.h"

namespace probegate {
namespace {

constexpr double kMaxSeconds = 7 * 86'400;

std::string IsEndpoint(const std::string& text) { return ParseEndpoint(text) ? "" : text + " is not HOST:PORT"; }

// CLI11's own range takes nan for a number within it.
std::string IsDuration(const std::string& text) {
  double seconds = 0;
  const bool fits = CLI::detail::lexical_cast(text, seconds) && seconds >= 0.001 && seconds <= kMaxSeconds;
  return fits ? "" : text + " is no number of seconds from 0.001 to 604800";
}

void AddDuration(CLI::App& app, const std::string& name, std::chrono::milliseconds& time, const std::string& what) {
  const auto set = [&time](double seconds) { time = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)); };
  app.add_option_function<double>(name, set, what)
      ->option_text("SECONDS [" + std::to_string(time.count() / 1000) + "]")
      ->check(IsDuration);
}

template <typename T>
void AddCount(CLI::App& app, const std::string& name, T& value, const std::string& unit, const std::string& what) {
  app.add_option(name, value, what)
      ->option_text(unit + " [" + std::to_string(static_cast<uint64_t>(value)) + "]")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40));
}

}  // namespace

std::optional<int> ReadDebugdOptions(int argc, const char* const* argv, DebugdOptions& options) {
  CLI::App app("Serves debugging sessions with gdb over gRPC, as Arduino CLI does, on the probes of a farm",
               "probegate-debugd");
  std::string listen = options.listen.ToString();
  std::vector<std::string> servers;
  bool allow_debug = false;
  app.set_version_flag("--version", "probegate-debugd " PROBEGATE_VERSION);
  app.add_option("--listen", listen, "Where to serve gRPC; port 0 takes a free one")
      ->option_text("HOST:PORT [" + listen + "]")
      ->check(IsEndpoint);
  app.add_flag("--allow-remote", options.allow_remote,
               "Let --listen be an address that others reach; needs --allow-debug");
  app.add_flag("--allow-debug", allow_debug, "They may debug: run gdb, and what gdb lets them, on this machine");
  app.add_flag("--allow-unconfined", options.allow_unconfined,
               "Go on where the kernel cannot confine gdb and the GDB server (Landlock, seccomp)");
  app.add_option(
         "--server", servers,
         "A probegate-server whose probes are debugged on; repeatable. A host name with several addresses is as "
         "many servers")
      ->option_text("HOST:PORT [" + options.servers.front().ToString() + "]")
      ->allow_extra_args(false);
  app.add_option("--recipes", options.recipes, "Which GDB server and gdb serve which boards (YAML)")
      ->option_text("FILE");
  app.add_option("--elf-folder", options.elf_folders, "Clients may name ELF files below this folder (repeatable)")
      ->option_text("DIR")
      ->allow_extra_args(false);
  app.add_option("--work-dir", options.work, "Where uploads and sessions' files are kept while they are needed")
      ->option_text("DIR [" + options.work + "]");
  AddCount(app, "--max-sessions", options.sessions.sessions, "COUNT", "Sessions at once");
  AddCount(app, "--max-sessions-per-client", options.sessions.sessions_per_client, "COUNT",
           "Sessions at once of clients on one machine");
  AddCount(app, "--max-upload", options.max_upload, "BYTES", "The largest ELF file that may be uploaded");
  AddCount(app, "--max-input", options.limits.input_bytes, "BYTES", "Input that may wait for gdb to read it");
  AddCount(app, "--output-rate", options.limits.output_bytes_per_second, "BYTES",
           "Bytes a second that gdb may print; it waits when it prints more");
  AddDuration(app, "--max-time", options.limits.max_time, "How long a session may last");
  AddDuration(app, "--idle", options.limits.idle, "How long neither gdb nor its client may say a word");
  AddDuration(app, "--start-time", options.limits.start, "How long each program of a session may take to be of use");
  AddLogOptions(app, options.log);
  AddMetricsOption(app, options.metrics, "127.0.0.1:9466");
  if (const auto code = ParseArguments(app, argc, argv)) return code;

  options.listen = *ParseEndpoint(listen);
  auto named = ParseServerNames(servers);
  if (!named.ok()) return RefuseArguments(app, "--server: " + std::string(named.status().message()));
  if (!named->empty()) options.servers = *std::move(named);
  if (!options.allow_remote && !IsLoopback(options.listen.host)) {
    return RefuseArguments(app, "--listen " + listen + ": others reach this address; say --allow-remote if they may");
  }
  if (options.allow_remote && !allow_debug) {
    return RefuseArguments(app, "--allow-remote: others could run gdb on this machine; say --allow-debug if they may");
  }
  return std::nullopt;
}

}  // namespace probegate
