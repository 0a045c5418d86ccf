#include "sim/options.h"

#include <cmath>
#include <iostream>
#include <map>
#include <stdexcept>

#include "CLI/CLI.hpp"
#include "sim/jtag/chain_text.h"
#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

constexpr unsigned kMaxBoards = 1000;
constexpr uint64_t kMaxLatency = 60'000'000;

constexpr double kMinFlashSpeed = 0.01;
constexpr double kMaxFlashSpeed = 1e6;

void CheckPorts(const Options& options, const HostPort& first) {
  if (first.port == 0 || first.port + (options.boards - 1) <= UINT16_MAX) return;
  throw std::invalid_argument(
      fmt::format("{} boards starting at port {} would need ports above {}", options.boards, first.port, UINT16_MAX));
}

const std::map<std::string, ChipKind> kChips = {{"nrf52840", ChipKind::kNrf52840}, {"adiv6", ChipKind::kAdiv6}};

std::string NotEmpty(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

// Used instead of CLI::Range, which accepts "nan".
std::string CheckFlashSpeed(const std::string& text) {
  double factor = 0;
  const bool number = CLI::detail::lexical_cast(text, factor) && std::isfinite(factor);
  if (number && factor >= kMinFlashSpeed && factor <= kMaxFlashSpeed) return "";
  return fmt::format("'{}' is not a number from {} to {:.0f}", text, kMinFlashSpeed, kMaxFlashSpeed);
}

// An STM32's debug port, with its boundary scan between it and TDI.
constexpr std::string_view kBoundaryScanChain = "dap,5:0x06413041";

// Together with the board's number and the seed's digits it must fit a reply to DAP_Info.
constexpr size_t kMaxSerialPrefix = 64;

}  // namespace

std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code) {
  CLI::App app("Simulated boards: CMSIS-DAP probes over TCP, each with a Cortex-M4F target.", "probegate-sim");
  Options options;
  std::string listen = "127.0.0.1:4441";
  std::string control;
  std::string uart;
  uint64_t latency = 0;
  bool verbose = false;
  bool quiet = false;
  app.add_option("--listen", listen,
                 "Address of the first board; the others use the ports after it. Port 0 picks a free port for each")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--boards", options.boards, "Number of boards")
      ->check(CLI::Range(1u, kMaxBoards))
      ->capture_default_str();
  std::string chip = "nrf52840";
  app.add_option("--chip", chip,
                 "The chip on each board: nrf52840, or adiv6, which has the same core with an ADIv6 debug port")
      ->check(CLI::IsMember(kChips))
      ->capture_default_str();
  std::string jtag_chain;
  const CLI::Option* jtag_chain_option =
      app.add_option("--jtag-chain", jtag_chain,
                     "The TAPs in each board's JTAG chain, starting next to TDO: 'dap' for the board's own, and "
                     "IR-LENGTH or IR-LENGTH:IDCODE for each other one. Without LIST: " +
                         std::string(kBoundaryScanChain) + ", as in an STM32. Default: the board's own TAP alone")
          ->type_name("LIST")
          ->expected(0, 1);
  app.add_option("--seed", options.seed, "Determines serial numbers and the contents of RAM at power-up")
      ->capture_default_str();
  options.serial_prefix = "PGSIM";
  app.add_option("--serial-prefix", options.serial_prefix, "Beginning of each serial number")
      ->check(CLI::Validator(
          [](const std::string& prefix) {
            return prefix.size() <= kMaxSerialPrefix ? ""
                                                     : "longer than " + std::to_string(kMaxSerialPrefix) + " bytes";
          },
          "TEXT"))
      ->capture_default_str();
  app.add_option("--latency-us", latency, "Delay of each reply, in microseconds")
      ->check(CLI::Range(uint64_t{0}, kMaxLatency))
      ->capture_default_str();
  CLI::Option* realtime =
      app.add_flag("--realtime", options.realtime, "Execute no faster than the chip, instead of as fast as possible");
  app.add_flag("--wire-time", options.wire_time,
               "Let simulated time pass only with the clock of the wire, one microsecond for each cycle, so that a "
               "board's behaviour depends only on its seed, its flash and its client's packets")
      ->excludes(realtime);
  app.add_option(
         "--trace", options.trace,
         "Write a trace of each board, one line for each event, to a file in this directory, which is created if "
         "necessary")
      ->type_name("DIR")
      ->check(CLI::Validator(NotEmpty, ""));
  app.add_option("--flash", options.flash,
                 "Contents of each board's flash: a binary image, Intel HEX, or an ELF executable for Arm. Default: a "
                 "small test firmware")
      ->type_name("FILE")
      ->check(CLI::Validator(NotEmpty, ""));
  app.add_option("--state", options.state,
                 "Save each board's flash in this directory, which is created if necessary. A board that has a file "
                 "there starts with its contents")
      ->type_name("DIR")
      ->check(CLI::Validator(NotEmpty, ""));
  app.add_option("--flash-speed", options.flash_speed,
                 "How many times faster flash is written and erased than on the chip")
      ->type_name("FACTOR")
      ->check(CLI::Validator(CheckFlashSpeed, fmt::format("{} to {:.0f}", kMinFlashSpeed, kMaxFlashSpeed)))
      ->capture_default_str();
  app.add_flag("--locked", options.locked,
               "Boards start with access port protection on, which a mass erase removes. Does not apply to boards that "
               "have a file in --state");
  app.add_option(
         "--uart", uart,
         "Address of a TCP port that carries the bytes of the first board's serial port; the others use the ports "
         "after it. Port 0 picks a free port for each. Default: no serial ports")
      ->type_name("HOST:PORT");
  app.add_option("--control", control,
                 "Address of the control port (JSON lines), which must be a loopback address. Default: no control port")
      ->type_name("HOST:PORT");
  std::vector<std::string> quirks;
  app.add_option("--quirk", quirks,
                 "Let each board behave as some probes and targets in the field do; see below. May be repeated")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false);
  app.footer("Quirks (docs/simulator.md says where each has been seen):\n" + DescribeQuirks());
  app.add_flag("-v,--verbose", verbose, "Also log connections and accesses to peripherals that are not simulated");
  app.add_flag("-q,--quiet", quiet, "Log only errors")->excludes("--verbose");
  app.set_version_flag("--version", "probegate-sim " PROBEGATE_VERSION);
  try {
    app.parse(argc, argv);
    options.chip = kChips.at(chip);
    if (options.locked && options.chip == ChipKind::kAdiv6) {
      throw std::invalid_argument("--locked: --chip adiv6 has no access port protection");
    }
    if (jtag_chain_option->count() != 0) {
      options.other_taps = ParseJtagChain(jtag_chain.empty() ? kBoundaryScanChain : jtag_chain);
    }
    options.listen = ParseHostPort(listen);
    for (const std::string& quirk : quirks) TurnOn(ParseQuirk(quirk), options.quirks);
    if (!control.empty()) options.control = ParseHostPort(control);
    CheckPorts(options, options.listen);
    if (!uart.empty()) {
      options.uart = ParseHostPort(uart);
      CheckPorts(options, *options.uart);
    }
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      exit_code = app.exit(error);
      return std::nullopt;
    }
    std::cerr << "probegate-sim: " << error.what() << " (see --help)\n";
    exit_code = kExitUsage;
    return std::nullopt;
  } catch (const std::invalid_argument& error) {
    std::cerr << "probegate-sim: " << error.what() << " (see --help)\n";
    exit_code = kExitUsage;
    return std::nullopt;
  }
  options.latency = std::chrono::microseconds(latency);
  if (verbose) options.verbosity = Verbosity::kVerbose;
  if (quiet) options.verbosity = Verbosity::kQuiet;
  return options;
}

}  // namespace probegate::sim
