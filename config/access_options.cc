#include "config/access_options.h"

#include "config/checks.h"

namespace probegate {
namespace {

constexpr double kMaxGrace = 366.0 * 86'400;

}  // namespace

void AddAccessOptions(CLI::App& app, AccessOptions& options) {
  app.add_option(
         "--access", options.access,
         "YAML file with the rules of who may do what with which probe; read again when it changes. Without it, "
         "everyone may do everything")
      ->option_text("FILE");
  app.add_option("--tokens", options.tokens,
                 "File with a line for each token that clients may prove their identity with: its name, its SHA-256, "
                 "and optionally when it expires")
      ->option_text("FILE");
  app.add_option("--key-cache", options.key_cache,
                 "Folder to keep the keys in that the issuers in --access publish, so that their tokens can be checked "
                 "right after a start")
      ->option_text("DIR");
  const auto set_grace = [&options](double seconds) {
    options.token_grace = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  };
  app.add_option_function<double>(
         "--token-grace", set_grace,
         "How long a session may go on after the token of its client has expired; by default, until it ends")
      ->option_text("SECONDS")
      ->check(IsSeconds(0, kMaxGrace));
  app.add_option("--audit", options.audit,
                 "Where to record who did what: a file, which is opened again on SIGHUP, - for standard output, or the "
                 "syslog daemon. While it cannot be written, new sessions are refused")
      ->option_text("FILE|-|syslog");
}

std::optional<std::string> WrongAccessOptions(const AccessOptions& options) {
  if (!options.key_cache.empty() && options.access.empty()) return "--key-cache needs --access";
  if (options.token_grace && !options.identifies()) return "--token-grace needs --access or --tokens";
  return std::nullopt;
}

}  // namespace probegate
