// The command line of probegate-sim.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sim/endpoint.h"
#include "sim/target/chip.h"

namespace probegate::sim {

enum class Verbosity : uint8_t { kQuiet, kNormal, kVerbose };

// The exit status for arguments that make no sense.
inline constexpr int kExitUsage = 2;

struct Options {
  HostPort listen;
  std::optional<HostPort> control;
  std::optional<HostPort> uart;  // where the first board's serial port listens; the others on the ports above
  unsigned boards = 1;
  ChipKind chip = ChipKind::kNrf52840;
  uint64_t seed = 1;
  std::string serial_prefix;
  std::chrono::microseconds latency{0};
  bool realtime = false;             // code runs no faster than on the chip
  bool wire_time = false;            // simulated time passes with the wire's clock alone
  std::optional<std::string> trace;  // the directory of the boards' traces
  double flash_speed = 1;            // by how much faster flash is than the real one
  bool locked = false;               // access port protection is on, unless a kept file says otherwise
  std::optional<std::string> flash;  // the file that boards have in flash; nothing: the firmware that is built in
  std::optional<std::string> state;  // the directory in which what they have in flash is kept
  Verbosity verbosity = Verbosity::kNormal;
};

// Nothing when the program is to end now with `exit_code`: help was asked for, or what was wrong has been printed.
std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code);

}  // namespace probegate::sim
