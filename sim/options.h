// The command line of probegate-sim.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sim/endpoint.h"

namespace probegate::sim {

enum class Verbosity : uint8_t { kQuiet, kNormal, kVerbose };

// The exit status for arguments that make no sense.
inline constexpr int kExitUsage = 2;

struct Options {
  HostPort listen;
  std::optional<HostPort> control;
  unsigned boards = 1;
  uint64_t seed = 1;
  std::string serial_prefix;
  std::chrono::microseconds latency{0};
  Verbosity verbosity = Verbosity::kNormal;
};

// Nothing when the program is to end now with `exit_code`: help was asked for, or what was wrong has been printed.
std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code);

}  // namespace probegate::sim
