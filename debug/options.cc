#include "debug/options.h"

#include "access/policy_reader.h"
#include "base/server_list.h"
#include "config/access_options.h"
#include "config/arguments.h"
#include "config/checks.h"
#include "config/client_options.h"
#include "config/connection_options.h"
#include "config/counts.h"
#include "config/tls_options.h"

namespace probegate {
namespace {

constexpr double kMaxSeconds = 7 * 86'400;
constexpr uint64_t kMaxThreads = 4'194'304;  // the kernel's own limit
constexpr uint64_t kMaxCount = uint64_t{1} << 40;

// CLI11's own range check accepts nan.
std::string IsDuration(const std::string& text) {
  double seconds = 0;
  const bool fits = CLI::detail::lexical_cast(text, seconds) && seconds >= 0.001 && seconds <= kMaxSeconds;
  return fits ? "" : text + " is not a number of seconds from 0.001 to 604800";
}

std::string IsProcessors(const std::string& text) {
  double count = 0;
  const bool fits = CLI::detail::lexical_cast(text, count) && count >= 0.01 && count <= 1024;
  return fits ? "" : text + " is not a number of processors from 0.01 to 1024";
}

void AddDuration(CLI::App& app, const std::string& name, std::chrono::milliseconds& time, const std::string& what) {
  const auto set = [&time](double seconds) { time = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)); };
  app.add_option_function<double>(name, set, what)
      ->option_text("SECONDS [" + std::to_string(time.count() / 1000) + "]")
      ->check(IsDuration);
}

// Values that need more than CLI11's conversion.
struct RawOptions {
  std::string listen;
  std::vector<std::string> servers;
  bool allow_debug = false;
};

void AddNetworkOptions(CLI::App& app, DebugdOptions& options, RawOptions& raw) {
  app.add_option("--listen", raw.listen, "Address to serve gRPC on; port 0 picks a free port")
      ->option_text("HOST:PORT|unix:/PATH [" + raw.listen + "]")
      ->check(IsServerAddress);
  options.exposure.AddTo(app,
                         "Allow --listen to be an address that other machines can reach; needs --allow-debug, and "
                         "--tls-cert or --insecure");
  app.add_flag("--allow-debug", raw.allow_debug,
               "Allow other machines to debug: to run gdb, and whatever gdb can run, on this machine");
  app.add_flag("--allow-unconfined", options.allow_unconfined,
               "Start even if the kernel cannot confine gdb and the GDB server (Landlock, seccomp)");
  app.add_option(
         "--server", raw.servers,
         "A probegate-server whose probes can be used (repeatable). A host name with several addresses counts as "
         "that many servers")
      ->option_text("HOST:PORT|unix:/PATH [" + options.servers.front().ToString() + "]")
      ->allow_extra_args(false);
  AddTlsOptions(app, TlsRole::kBoth, options.tls);
  AddAccessOptions(app, options.access);
  AddTokenOption(app, options.token_file);
}

void AddFileOptions(CLI::App& app, DebugdOptions& options) {
  app.add_option("--recipes", options.recipes, "YAML file that says which GDB server and gdb to use for which boards")
      ->option_text("FILE");
  app.add_option("--elf-folder", options.elf_folders, "Clients may name ELF files below this folder (repeatable)")
      ->option_text("DIR")
      ->allow_extra_args(false);
  app.add_option("--work-dir", options.work, "Folder for uploads and for the sessions' temporary files")
      ->option_text("DIR [" + options.work + "]");
}

void AddAmounts(CLI::App& app, DebugdOptions& options) {
  QuotaLimits& sessions = options.quotas.sessions;
  AddCount(app, "--max-sessions", sessions.all, kMaxCount, "COUNT", "Maximum number of sessions at a time");
  AddCount(app, "--max-sessions-per-client", sessions.per_client, kMaxCount, "COUNT",
           "Maximum number of sessions of one client (an IPv4 address or an IPv6 /64 network) at a time");
  QuotaLimits& uploads = options.quotas.uploads;
  AddCount(app, "--max-uploads", uploads.all, kMaxCount, "COUNT",
           "Maximum number of ELF files that are being uploaded or wait for their session");
  AddCount(app, "--max-uploads-per-client", uploads.per_client, kMaxCount, "COUNT",
           "Maximum number of such files of one client");
  AddCount(app, "--max-upload", options.uploads.bytes, kMaxCount, "BYTES", "Maximum size of an uploaded ELF file");
  AddCount(app, "--max-input", options.limits.input_bytes, kMaxCount, "BYTES",
           "Maximum amount of input that may wait for gdb to read it");
  AddCount(app, "--output-rate", options.limits.output_bytes_per_second, kMaxCount, "BYTES",
           "Bytes per second that gdb may print; if it prints more, it has to wait");
  AddCount(
      app, "--max-memory-in-flight", options.quotas.memory_bytes, kMaxCount, "BYTES",
      "Maximum amount of requests, input for gdb and output of gdb in memory; one client may have a quarter of it");
}

void AddTimes(CLI::App& app, DebugLimits& limits) {
  AddDuration(app, "--upload-pause", limits.upload_pause, "End an upload of which nothing has come for this time");
  AddDuration(app, "--upload-time", limits.upload_time, "Maximum duration of an upload");
  AddDuration(app, "--max-time", limits.max_time, "Maximum duration of a session");
  AddDuration(app, "--idle", limits.idle,
              "End a session after this time without input from the client or output from gdb");
  AddDuration(app, "--start-time", limits.start, "Time that each program of a session has to become ready");
}

// What the programs of one session may use together.
void AddGroupLimits(CLI::App& app, GroupLimits& group) {
  AddCount(app, "--session-memory", group.memory_bytes, kMaxCount, "BYTES",
           "Memory of a session's programs together, if control groups are delegated; so are the next two");
  AddCount(app, "--session-threads", group.threads, kMaxThreads, "COUNT", "Threads of a session's programs together");
  app.add_option("--session-processors", group.processors,
                 "Processor time of a session's programs together, in seconds per second")
      ->option_text("COUNT [1]")
      ->check(IsProcessors);
}

// Takes the raw values, and checks what cannot be checked for each option alone. Returns what is wrong, or nothing.
std::optional<std::string> Interpret(const RawOptions& raw, DebugdOptions& options) {
  options.listen = *ParseAddress(raw.listen);
  auto named = ParseServerNames(raw.servers);
  if (!named.ok()) return "--server: " + std::string(named.status().message());
  if (!named->empty()) options.servers = *std::move(named);
  if (auto wrong = WrongAccessOptions(options.access)) return wrong;
  if (auto wrong = WrongClientOptions(options.tls, options.client(), options.servers)) return wrong;
  if (auto refused = options.exposure.Refuse(options.listen, options.tls.server())) return refused;
  if (options.exposure.allow_remote && !raw.allow_debug) {
    return "--allow-remote: other machines could run gdb on this machine; use --allow-debug to allow that";
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> ReadDebugdOptions(int argc, const char* const* argv, DebugdOptions& options) {
  CLI::App app("Serves gdb debugging sessions on shared probes over gRPC, with the interface of Arduino CLI",
               "probegate-debugd");
  RawOptions raw{.listen = options.listen.ToString()};
  app.set_version_flag("--version", "probegate-debugd " PROBEGATE_VERSION);
  AddNetworkOptions(app, options, raw);
  AddFileOptions(app, options);
  AddAmounts(app, options);
  AddTimes(app, options.limits);
  AddGroupLimits(app, options.group_limits);
  AddConnectionOptions(app, options.connections);
  AddDuration(app, "--connection-idle", options.connection_idle, "Close a connection without a call after this time");
  AddLogOptions(app, options.log);
  AddMetricsOption(app, options.metrics, "127.0.0.1:9466");
  app.footer("The file of --access looks like this (docs/access.md):\n\n" + std::string(AccessFileExample()));
  if (const auto code = ParseArguments(app, argc, argv)) return code;
  if (const auto wrong = Interpret(raw, options)) return RefuseArguments(app, *wrong);
  return std::nullopt;
}

}  // namespace probegate
