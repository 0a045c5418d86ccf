#include "tests/usbemu/options.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "tests/usbemu/control.h"

namespace probegate::usbemu {
namespace {

BoardAddress ParseBoard(const std::string& text) {
  const size_t colon = text.rfind(':');
  unsigned port = 0;
  if (colon != std::string::npos) {
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  }
  if (colon == 0 || port == 0 || port > 65535 || text.substr(colon + 1) != std::to_string(port)) {
    throw std::invalid_argument("'" + text + "' is not HOST:PORT");
  }
  return {text.substr(0, colon), static_cast<uint16_t>(port)};
}

// Takes the program's command line, which follows "--". Everything before that is usbemu's own.
std::vector<std::string> TakeProgram(int& argc, const char* const* argv) {
  const char* const* end = argv + argc;
  const char* const* separator = std::find_if(argv, end, [](const char* word) { return std::string("--") == word; });
  if (separator == end) return {};
  argc = static_cast<int>(separator - argv);
  std::vector<std::string> program(separator + 1, end);
  if (program.empty()) throw std::invalid_argument("there is no program after --");
  return program;
}

void Check(const Options& options) {
  if (options.devices.empty()) throw std::invalid_argument("no --device; see --help for the kinds of devices");
  if (options.devices.size() > 30) throw std::invalid_argument("a bus has room for 30 devices");
  if (!options.boards.empty() && options.boards.size() != options.devices.size()) {
    throw std::invalid_argument("give --board either for each --device, in the same order, or for none");
  }
  if (!options.boards.empty() && !options.sim_flags.empty()) {
    throw std::invalid_argument("--sim-flag has no effect on the boards of --board; use only one of the two");
  }
  if (options.program.empty() && !options.control) {
    throw std::invalid_argument("there is neither a program after -- nor --control; give one of them");
  }
}

Options Parse(CLI::App& app, int argc, const char* const* argv) {
  Options options;
  options.sim_program = PROBEGATE_SIM;
  options.program = TakeProgram(argc, argv);
  std::vector<std::string> devices;
  std::vector<std::string> boards;
  std::string speed;
  app.add_option("--device", devices, "a device, KIND[,key=value]…, see below; repeatable")->allow_extra_args(false);
  app.add_option("--board", boards,
                 "HOST:PORT of a device's board, in the order of the devices (default: boards of its own)")
      ->allow_extra_args(false);
  app.add_option("--speed", speed, "full or high: packets move at the pace of such a bus, not at once")
      ->check(CLI::IsMember({"full", "high"}));
  app.add_option("--control", options.control, "the path of the control socket, see below");
  app.add_option("--sim", options.sim_program, "the simulator to start")->capture_default_str();
  app.add_option("--sim-flag", options.sim_flags, "a flag for the simulator, such as --sim-flag=--locked; repeatable")
      ->allow_extra_args(false);
  app.parse(argc, argv);
  for (const std::string& device : devices) options.devices.push_back(ParseDevice(device));
  for (const std::string& board : boards) options.boards.push_back(ParseBoard(board));
  if (!speed.empty()) options.timing = {.speed = speed == "full" ? Speed::kFull : Speed::kHigh, .timed = true};
  Check(options);
  return options;
}

}  // namespace

std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code) {
  CLI::App app(
      "Runs a program, which, like all programs that it starts, sees an emulated USB bus whose devices are debug\n"
      "probes of simulated boards.\n"
      "usbemu --device KIND … -- PROGRAM ARGUMENTS…: the exit code is the program's. Without a program, the bus "
      "exists\n"
      "until SIGTERM, for programs that are started with the environment that usbemu prints.",
      "usbemu");
  app.footer("\n" + DeviceHelp() + "\n" + Control::Help());
  try {
    return Parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : kExitUsage;
  } catch (const std::invalid_argument& error) {
    std::cerr << "usbemu: " << error.what() << '\n';
    exit_code = kExitUsage;
  }
  return std::nullopt;
}

}  // namespace probegate::usbemu
