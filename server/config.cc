#include "server/config.h"

#include "absl/strings/str_cat.h"
#include "access/policy_reader.h"
#include "base/frequency.h"
#include "config/access_options.h"
#include "config/arguments.h"
#include "config/checks.h"
#include "config/connection_options.h"
#include "config/tls_options.h"
#include "server/probe_rules_section.h"

namespace probegate {
namespace {

constexpr double kMinSeconds = 0.001;
constexpr double kMaxSeconds = 86'400;
constexpr uint64_t kMaxCount = 1'000'000;
// The largest request must fit (server/commands/request_cost.h).
constexpr uint64_t kMinMemory = uint64_t{128} << 20;
constexpr uint64_t kMaxMemory = uint64_t{64} << 30;

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

double Seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000; }

}  // namespace

std::optional<int> ReadServerConfig(int argc, const char* const* argv, ServerConfig& config) {
  CLI::App app("Shares debug probes over gRPC", "probegate-server");
  std::string listen = config.listen.ToString();
  std::vector<std::string> sources;
  bool no_usb = false;
  double lock_idle = Seconds(config.lane.lock_idle);
  double lock_max = Seconds(config.lane.lock_max);
  std::string clock_min = "10kHz";
  double connection_idle = Seconds(config.connection_idle);
  std::vector<std::string> gateways;

  app.set_version_flag("--version", "probegate-server " PROBEGATE_VERSION);
  app.add_option("-u,--uid,--probe", config.uids,
                 "Serve only the probe with this unique ID, or part of one (repeatable)")
      ->option_text("UID")
      ->allow_extra_args(false);
  app.add_option("--listen", listen, "Address to serve gRPC on; port 0 picks a free port")
      ->option_text("HOST:PORT|unix:/PATH [" + listen + "]")
      ->check(IsServerAddress);
  config.exposure.AddTo(
      app, "Allow --listen to be an address that other machines can reach; needs --tls-cert or --insecure");
  AddTlsOptions(app, TlsRole::kServer, config.tls);
  AddAccessOptions(app, config.access);
  app.add_option("--cmsis-dap-tcp", sources,
                 "A CMSIS-DAP probe on the network, or one on each port of a range (repeatable)")
      ->option_text("HOST:PORT[-PORT]")
      ->allow_extra_args(false)
      ->check(IsEndpointRange);
  app.add_flag("--no-usb", no_usb, "Do not use the probes that are plugged into this host");
  app.add_option("--record", config.record,
                 "Record every packet to and from the probes in this file, which is overwritten")
      ->option_text("FILE");
  app.add_option("--lock-idle", lock_idle,
                 "Seconds after which an idle session loses its lock if another session waits for it")
      ->option_text(absl::StrCat("SECONDS [", lock_idle, "]"))
      ->check(IsSeconds(kMinSeconds, kMaxSeconds));
  app.add_option("--lock-max", lock_max,
                 "Seconds after which any session loses its lock if another session waits for it; shared among the "
                 "sessions of one client that wait for it")
      ->option_text(absl::StrCat("SECONDS [", lock_max, "]"))
      ->check(IsSeconds(kMinSeconds, kMaxSeconds));
  app.add_option("--clock-min", clock_min,
                 "Lowest clock of the wire that a session gets; a lower one would keep the probe busy for hours")
      ->option_text("HZ [" + clock_min + "]")
      ->check(IsFrequency);
  AddConnectionOptions(app, config.connections);
  app.add_option("--connection-idle", connection_idle, "Seconds after which a connection without a call is closed")
      ->option_text(absl::StrCat("SECONDS [", connection_idle, "]"))
      ->check(IsSeconds(kMinSeconds, kMaxSeconds));
  app.add_option("--max-sessions", config.sessions.all, "Sessions of all clients together")
      ->option_text(absl::StrCat("N [", config.sessions.all, "]"))
      ->check(IsCount(1, kMaxCount));
  app.add_option("--max-sessions-per-client", config.sessions.per_client, "Sessions of one client")
      ->option_text(absl::StrCat("N [", config.sessions.per_client, "]"))
      ->check(IsCount(1, kMaxCount));
  app.add_option("--max-memory-in-flight", config.memory.all,
                 "Memory for requests and answers of all clients together; one client may use a quarter")
      ->option_text(absl::StrCat("BYTES [", config.memory.all, "]"))
      ->check(IsCount(kMinMemory, kMaxMemory));
  app.add_option("--trust-gateway", gateways,
                 "Believe what clients at this address say about the address of their own clients, as gateways do\n"
                 "(repeatable; loopback is always trusted). With --access, that takes the right `gateway` instead")
      ->option_text("ADDRESS|CIDR")
      ->allow_extra_args(false)
      ->check(IsAddressRange);
  AddLogOptions(app, config.log);
  AddMetricsOption(app, config.metrics, "127.0.0.1:9464");
  app.footer(
      std::string(
          "The file of --config may also have a section `probes:` with settings for single probes; docs/hardware.md\n"
          "describes it. The file of --access looks like this (docs/access.md):\n\n") +
      std::string(AccessFileExample()));
  const SectionReaders sections = {
      {"probes", [&config](const YAML::Node& probes) { config.probe_rules = ReadProbeRules(probes); }}};
  if (const auto code = ParseArguments(app, argc, argv, sections)) return code;

  config.listen = *ParseAddress(listen);
  config.usb = !no_usb;
  config.lane.lock_idle = Milliseconds(lock_idle);
  config.lane.lock_max = Milliseconds(lock_max);
  config.lane.clock_min = *ParseFrequency(clock_min);
  config.connection_idle = Milliseconds(connection_idle);
  config.memory.per_client = config.memory.all / 4;
  for (const std::string& gateway : gateways) config.gateways.push_back(*AddressRange::Parse(gateway));
  for (const std::string& source : sources) {
    for (Endpoint& endpoint : ParseEndpointRange(source)) config.cmsis_dap_tcp.push_back(std::move(endpoint));
  }
  if (const auto wrong = WrongTlsOptions(config.tls)) return RefuseArguments(app, *wrong);
  if (const auto wrong = WrongAccessOptions(config.access)) return RefuseArguments(app, *wrong);
  if (const auto refused = config.exposure.Refuse(config.listen, config.tls.server())) {
    return RefuseArguments(app, *refused);
  }
  return std::nullopt;
}

}  // namespace probegate
