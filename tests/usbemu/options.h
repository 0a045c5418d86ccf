// usbemu's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/usbemu/board_link.h"
#include "tests/usbemu/device_spec.h"
#include "tests/usbemu/usb_device.h"

namespace probegate::usbemu {

inline constexpr int kExitUsage = 2;
inline constexpr int kExitFailure = 125;  // usbemu's own exit codes, the same as those of env(1) and timeout(1)
inline constexpr int kExitCannotRun = 127;

struct Options {
  std::vector<DeviceSpec> devices;
  std::vector<BoardAddress> boards;  // empty, or one per device
  BusTiming timing;
  std::optional<std::string> control;
  std::string sim_program;
  std::vector<std::string> sim_flags;
  std::vector<std::string> program;  // with its arguments; empty: the bus is for programs that are started elsewhere
};

// Nothing if usbemu is to exit at once with `exit_code`. Help or an error message has been printed, then.
std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code);

}  // namespace probegate::usbemu
