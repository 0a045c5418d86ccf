// The command line and the configuration file of probegate-gateway.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "base/client_files.h"
#include "base/endpoint.h"
#include "gateway/gateway.h"
#include "telemetry/log.h"

namespace probegate {

struct ProgramOptions {
  GatewayOptions gateway;
  std::map<std::string, uint16_t> fixed_ports;
  std::filesystem::path state_directory;
  uint64_t max_connections = 1024;  // of all clients together
  uint64_t max_connections_per_client = 256;
  uint64_t max_memory_in_flight = uint64_t{256} << 20;  // bytes; the share of one client is a quarter
  int io_threads = 1;
  ClientFiles client;  // for the connections to the servers
  std::optional<Endpoint> metrics_listen;
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
};

// The program is to exit with this code; its error message or help has been printed.
struct ExitNow {
  int code;
};

// What the options depend on in the program's environment.
struct ProgramSurroundings {
  // The default of --state.
  std::filesystem::path default_state_directory;
  // How many clients the limit of open files leaves room for. A larger --max-connections is an error; its default is
  // reduced to this number.
  size_t most_connections;
  // The value of a variable, or an empty text (config/client_options.h).
  std::function<std::string(const std::string& name)> environment;
};

std::variant<ProgramOptions, ExitNow> ParseOptions(int argc, const char* const* argv,
                                                   const ProgramSurroundings& surroundings);

}  // namespace probegate
