#include "broker/options.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/labels.h"
#include "config/arguments.h"
#include "config/checks.h"
#include "config/connection_options.h"
#include "config/counts.h"

namespace probegate::broker {
namespace {

constexpr double kMaxSeconds = 7 * 86'400;
constexpr uint64_t kMaxLeases = 1'000'000;

double Seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000; }

// NAME=LABEL=PATTERN[,LABEL=PATTERN…]
std::optional<Pool> ParsePool(const std::string& text) {
  const auto named = ParseLabel(text);
  if (!named || named->first == Pools::kOther) return std::nullopt;
  Pool pool{.name = named->first, .selector = {}};
  const std::vector<std::string> labels = absl::StrSplit(named->second, ',');
  for (const std::string& label : labels) {
    const auto parsed = ParseLabel(label);
    if (!parsed) return std::nullopt;
    pool.selector.labels.insert(*parsed);
  }
  return pool;
}

std::string IsPool(const std::string& text) {
  return ParsePool(text) ? "" : text + " is not NAME=LABEL=PATTERN[,LABEL=PATTERN...] with a NAME other than `other`";
}

void AddTime(CLI::App& app, const std::string& name, std::chrono::milliseconds& time, const std::string& what) {
  const auto set = [&time](double seconds) { time = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)); };
  app.add_option_function<double>(name, set, what)
      ->option_text(absl::StrCat("SECONDS [", Seconds(time), "]"))
      ->check(IsSeconds(0.001, kMaxSeconds));
}

void AddLeaseOptions(CLI::App& app, BrokerOptions& options) {
  LeaseRules& rules = options.rules;
  AddTime(app, "--lease-duration", rules.duration, "How long a lease lasts if its client does not say");
  AddTime(app, "--lease-max", rules.longest,
          "How long a lease may last, with all renewals, if the access file does not say (lease-seconds)");
  AddTime(app, "--queue-time", rules.queue_timeout, "How long a request waits if its client does not say");
  AddTime(app, "--lease-idle", rules.idle,
          "Take the probes of a lease back after this time without a command, if others wait for them");
  AddTime(app, "--lease-warning", rules.warning, "How long before the end of a lease its holder is warned");
  AddTime(app, "--lease-grace", rules.grace, "How long a client has to come back after its connection broke");
  AddTime(app, "--class-time", rules.rise,
          "A request rises one class of priority each time that it has waited so long");
  AddCount(app, "--max-leases", options.leases.all, kMaxLeases, "COUNT",
           "Maximum number of leases and waiting requests");
  AddCount(app, "--max-leases-per-client", options.leases.per_client, kMaxLeases, "COUNT",
           "Maximum number of leases and waiting requests of one client, if the access file does not say (leases)");
}

}  // namespace

std::optional<int> ReadBrokerOptions(int argc, const char* const* argv, BrokerOptions& options) {
  CLI::App app("Leases debug probes to clients, one at a time, in a fair order", "probegate-broker");
  std::string listen = options.listen.ToString();
  std::vector<std::string> pools;
  app.set_version_flag("--version", "probegate-broker " PROBEGATE_VERSION);
  app.add_option("--listen", listen, "Address to serve gRPC on; port 0 picks a free port")
      ->option_text("HOST:PORT|unix:/PATH [" + listen + "]")
      ->check(IsServerAddress);
  app.add_option(
         "--store", options.store,
         "Where leases, the queue and known probes are kept: an SQLite file, which is created if it is missing, "
         "or a PostgreSQL database, for which further brokers wait as standbys")
      ->option_text("FILE|postgresql://...")
      ->required();
  options.exposure.AddTo(
      app, "Allow --listen to be an address that other machines can reach; needs --tls-cert or --insecure");
  AddTlsOptions(app, TlsRole::kServer, options.tls);
  AddAccessOptions(app, options.access);
  AddLeaseOptions(app, options);
  app.add_option("--pool", pools,
                 "A name for the probes with these labels, for metrics; the first that fits counts (repeatable)")
      ->option_text("NAME=LABEL=PATTERN[,LABEL=PATTERN...]")
      ->allow_extra_args(false)
      ->check(IsPool);
  AddConnectionOptions(app, options.connections);
  AddTime(app, "--connection-idle", options.connection_idle,
          "Seconds after which a connection without a call is closed");
  AddLogOptions(app, options.log);
  AddMetricsOption(app, options.metrics, "127.0.0.1:9467");
  if (const auto code = ParseArguments(app, argc, argv)) return code;

  options.listen = *ParseAddress(listen);
  for (const std::string& pool : pools) options.pools.push_back(*ParsePool(pool));
  if (const auto wrong = WrongTlsOptions(options.tls)) return RefuseArguments(app, *wrong);
  if (const auto wrong = WrongAccessOptions(options.access)) return RefuseArguments(app, *wrong);
  if (const auto refused = options.exposure.Refuse(options.listen, options.tls.server())) {
    return RefuseArguments(app, *refused);
  }
  return std::nullopt;
}

}  // namespace probegate::broker
