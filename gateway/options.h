// The command line and the configuration file of probegate-gateway.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "base/endpoint.h"
#include "gateway/gateway.h"
#include "telemetry/log.h"

namespace probegate {

struct ProgramOptions {
  GatewayOptions gateway;
  std::map<std::string, uint16_t> fixed_ports;
  std::filesystem::path state_directory;
  int io_threads = 1;
  std::optional<Endpoint> metrics_listen;
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
};

// What the program has to exit with, after its one line or its help has been printed.
struct ExitNow {
  int code;
};

// What the program finds where it is started.
struct ProgramSurroundings {
  // Stands where --state is absent.
  std::filesystem::path default_state_directory;
  // What the limit of open files leaves for clients: the most that --max-connections may say. Its default gives way.
  size_t most_connections;
};

std::variant<ProgramOptions, ExitNow> ParseOptions(int argc, const char* const* argv,
                                                   const ProgramSurroundings& surroundings);

}  // namespace probegate
