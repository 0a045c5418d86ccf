// The command line of probegate-sim.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/endpoint.h"
#include "sim/quirks.h"
#include "sim/target/chip.h"

namespace probegate::sim {

enum class Verbosity : uint8_t { kQuiet, kNormal, kVerbose };

// The exit status for invalid arguments.
inline constexpr int kExitUsage = 2;

struct Options {
  HostPort listen;
  std::optional<HostPort> control;
  std::optional<HostPort> uart;  // where the first board's serial port listens; the others use the ports after it
  unsigned boards = 1;
  ChipKind chip = ChipKind::kNrf52840;
  OtherTaps other_taps;  // in each board's JTAG chain
  uint64_t seed = 1;
  std::string serial_prefix;
  std::chrono::microseconds latency{0};
  bool realtime = false;             // code runs no faster than on the chip
  bool wire_time = false;            // simulated time passes only with the wire's clock
  std::optional<std::string> trace;  // the directory for the boards' traces
  double flash_speed = 1;            // how many times faster flash is than on the chip
  bool locked = false;               // access port protection is on, for boards without a saved state
  std::optional<std::string> flash;  // the file with the contents of flash; nothing: the built-in test firmware
  std::optional<std::string> state;  // the directory in which the contents of flash are saved
  std::vector<QuirkSetting> quirks;  // of each board
  Verbosity verbosity = Verbosity::kNormal;
};

// Returns nothing if the program is to end now with `exit_code`: help has been printed, or an error has been.
std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code);

}  // namespace probegate::sim
