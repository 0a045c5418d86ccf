#include "gateway/options.h"

#include <algorithm>
#include <vector>

#include "base/address_range.h"
#include "base/endpoint.h"
#include "base/ignoring_case.h"
#include "base/server_list.h"
#include "config/arguments.h"
#include "config/checks.h"
#include "config/client_options.h"
#include "config/counts.h"
#include "config/log_options.h"
#include "config/metrics_options.h"
#include "gateway/client/memory_account.h"
#include "gateway/client/request_cost.h"

namespace probegate {
namespace {

// Values that need more than CLI11's conversion.
struct RawOptions {
  ClientOptions client;
  std::vector<std::string> maps;
  std::vector<std::string> allow_from;
  std::string state;
  bool no_wait = false;
  MetricsOptions metrics;
  LogOptions log;
};

void AddSwitch(CLI::App& app, const std::string& name, bool& on, const std::string& text) {
  app.add_option(name, on, text)->option_text(on ? "on|off [on]" : "on|off [off]")->check(CLI::IsMember({"on", "off"}));
}

void DeclareProbeOptions(CLI::App& app, GatewayOptions& gateway, RawOptions& raw) {
  AddClientOptions(app, raw.client,
                   "Serve the probes of this probegate-server (repeatable). A host name with several addresses stands "
                   "for as many servers, and is resolved again every 10 s");
  app.add_option("-u,--uid,--probe", gateway.probes,
                 "Serve only this debug probe: its unique ID, or a part that matches no other probe's (repeatable)")
      ->option_text("UID")
      ->allow_extra_args(false);
  app.add_flag("--whole-uid", gateway.whole_ids, "--uid must be a whole unique ID; a part does not match");
  app.add_flag("-W,--no-wait", raw.no_wait, "Exit if a server or a probe is missing, instead of waiting for it");
  AddSwitch(app, "--memory-interface", gateway.connection.offer_memory_interface,
            "on: offer clients memory access in blocks; pyOCD up to 0.46 then cannot write single bytes");
  AddSwitch(app, "--posting", gateway.connection.post,
            "on: answer locks and register writes at once, as pyOCD's own probes do; if one fails, a later request "
            "reports it");
}

void DeclarePortOptions(CLI::App& app, GatewayOptions& gateway, RawOptions& raw) {
  app.add_option("-p,--port", gateway.first_port, "The first port to give to a probe; 0: any free port")
      ->option_text("PORT [" + std::to_string(gateway.first_port) + "]")
      ->check(CLI::Range(0, 65535));
  app.add_option("--map", raw.maps, "Serve this probe on this port (repeatable)")
      ->option_text("UID=PORT")
      ->allow_extra_args(false);
  app.add_option("--state", raw.state, "Directory for the record of which probe has which port")
      ->option_text("DIR [" + raw.state + "]");
  app.add_flag(
      "--allow-remote", gateway.allow_remote,
      "Also let other machines connect. Nothing is encrypted and nobody is asked for a password: anyone who can "
      "connect controls the boards");
  app.add_option("--allow-from", raw.allow_from,
                 "With --allow-remote: only let these addresses connect (repeatable). Loopback is one of them only if "
                 "it is given, too")
      ->option_text("ADDRESS|CIDR")
      ->allow_extra_args(false)
      ->check(IsAddressRange);
  app.add_flag("--own-user-only", gateway.own_user_only,
               "Only let programs of this program's own user connect. `probegate connect` and `probegate exec` use it");
}

// For programs that start a gateway for one client of theirs, such as probegate-debugd.
void DeclareReportedClient(CLI::App& app, ConnectionOptions& connection) {
  app.add_option("--client-address", connection.client_address,
                 "Tell servers that all sessions are for the client at this address, instead of for those that connect")
      ->option_text("HOST:PORT")
      ->check(IsEndpoint);
  app.add_option("--client-user", connection.client_user, "Tell servers that the client is this user")
      ->option_text("NAME");
}

void DeclareLimits(CLI::App& app, ProgramOptions& options) {
  ConnectionOptions& connection = options.gateway.connection;
  AddCount(app, "--max-line-bytes", connection.max_line_bytes, 1 << 30, "BYTES",
           "The longest request line that is accepted", 256);
  AddCount(app, "--max-in-flight", connection.max_in_flight, 65536, "COUNT",
           "How many requests of one client may wait for replies");
  AddCount(app, "--max-connections", options.max_connections, 1 << 20, "COUNT",
           "How many clients may be connected, to all ports together");
  AddCount(app, "--max-connections-per-client", options.max_connections_per_client, 1 << 20, "COUNT",
           "How many of them may be one client's: of an IPv4 address, or of an IPv6 /64 network");
  AddCount(app, "--max-memory-in-flight", options.max_memory_in_flight, uint64_t{1} << 50, "BYTES",
           "How much memory requests and replies may take, of all clients together; a quarter of it of one client",
           uint64_t{1} << 20);
  AddCount(app, "--io-threads", options.io_threads, 64, "COUNT", "Threads that serve the clients");
}

// Adds `entry`, a value of --map, to `ports`. Returns what is wrong with it, or nothing.
std::optional<std::string> AddMap(const std::string& entry, std::map<std::string, uint16_t>& ports) {
  const size_t equals = entry.rfind('=');
  const std::string uid = entry.substr(0, equals);
  // ParseEndpoint rejects anything that is not a port.
  const auto port = equals == std::string::npos ? std::nullopt : ParseEndpoint("port:" + entry.substr(equals + 1));
  if (uid.empty() || !port || port->port == 0)
    return "--map: '" + entry + "' is not UID=PORT with a port from 1 to 65535";
  for (const auto& [other, other_port] : ports) {
    if (EqualsIgnoringCase(other, uid) && other_port != port->port) {
      return "--map: " + uid + " is given two ports, the second by " + entry + ": give it only one";
    }
  }
  ports.emplace(uid, port->port);
  return std::nullopt;
}

// What --max-memory-in-flight must be at least: the longest line of a client that has all its connections must fit into
// the client's share.
uint64_t LeastMemory(const ProgramOptions& options) {
  const uint64_t connections = std::min(options.max_connections, options.max_connections_per_client);
  const uint64_t share =
      connections * MemoryAccount::kOwnBytes + LongestLineCost(options.gateway.connection.max_line_bytes);
  return std::max(4 * share, options.max_connections * MemoryAccount::kOwnBytes + share);
}

std::optional<std::string> CheckLimits(ProgramOptions& options, const ProgramSurroundings& surroundings) {
  if (options.max_connections > surroundings.most_connections) {
    return "--max-connections: " + std::to_string(options.max_connections) + " is more than the " +
           std::to_string(surroundings.most_connections) +
           " that the limit of open files allows: raise the hard limit (ulimit -Hn), or choose a lower number";
  }
  options.max_connections_per_client = std::min(options.max_connections_per_client, options.max_connections);
  const uint64_t least = LeastMemory(options);
  if (options.max_memory_in_flight < least) {
    return "--max-memory-in-flight: " + std::to_string(options.max_memory_in_flight) + " is less than the " +
           std::to_string(least) +
           " that one line of --max-line-bytes of each of four clients takes: choose more, or a lower --max-line-bytes "
           "or --max-connections-per-client";
  }
  return std::nullopt;
}

std::optional<std::string> Interpret(const RawOptions& raw, ProgramOptions& options) {
  auto servers = ParseServerNames(raw.client.servers);
  if (!servers.ok()) return "--server: " + std::string(servers.status().message());
  if (!servers->empty()) options.gateway.fleet.servers = *std::move(servers);
  for (const std::string& entry : raw.maps) {
    if (auto problem = AddMap(entry, options.fixed_ports)) return problem;
  }
  options.client = raw.client.files();
  if (auto wrong = WrongClientOptions(raw.client.tls, options.client, options.gateway.fleet.servers)) return wrong;
  if (!raw.allow_from.empty() && !options.gateway.allow_remote) return "--allow-from needs --allow-remote";
  if (options.gateway.own_user_only && options.gateway.allow_remote) {
    return "--own-user-only: the users of other machines are not known, so leave out --allow-remote";
  }
  for (const std::string& range : raw.allow_from) options.gateway.allow_from.push_back(*AddressRange::Parse(range));
  if (raw.state.empty()) return "--state: the name is empty; give a directory";
  options.state_directory = raw.state;
  options.gateway.wait = !raw.no_wait;
  options.metrics_listen = raw.metrics.listen;
  options.log_format = raw.log.log_format();
  options.log_level = raw.log.level();
  return std::nullopt;
}

}  // namespace

std::variant<ProgramOptions, ExitNow> ParseOptions(int argc, const char* const* argv,
                                                   const ProgramSurroundings& surroundings) {
  ProgramOptions options;
  RawOptions raw;
  raw.state = surroundings.default_state_directory.string();
  options.max_connections = std::min<uint64_t>(options.max_connections, surroundings.most_connections);
  CLI::App app("Lets pyOCD use the debug probes of a probegate-server: pyocd ... --uid remote:HOST:PORT",
               "probegate-gateway");
  app.set_version_flag("--version", std::string("probegate-gateway " PROBEGATE_VERSION));
  DeclareProbeOptions(app, options.gateway, raw);
  DeclarePortOptions(app, options.gateway, raw);
  DeclareReportedClient(app, options.gateway.connection);
  DeclareLimits(app, options);
  AddMetricsOption(app, raw.metrics, "127.0.0.1:9465");
  AddLogOptions(app, raw.log);
  if (const auto code = ParseArguments(app, argc, argv)) return ExitNow{*code};
  if (const auto problem = CompleteClientOptions(app, surroundings.environment, raw.client)) {
    return ExitNow{RefuseArguments(app, *problem)};
  }
  if (const auto problem = CheckLimits(options, surroundings)) return ExitNow{RefuseArguments(app, *problem)};
  if (const auto problem = Interpret(raw, options)) return ExitNow{RefuseArguments(app, *problem)};
  options.gateway.first_port_given = app.get_option("--port")->count() > 0;
  return options;
}

}  // namespace probegate
