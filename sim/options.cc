#include "sim/options.h"

#include <cmath>
#include <iostream>
#include <map>
#include <stdexcept>

#include "CLI/CLI.hpp"
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
      fmt::format("{} boards from port {} upward would go past port {}", options.boards, first.port, UINT16_MAX));
}

const std::map<std::string, ChipKind> kChips = {{"nrf52840", ChipKind::kNrf52840}, {"adiv6", ChipKind::kAdiv6}};

std::string NotEmpty(const std::string& text) { return text.empty() ? "names nothing" : ""; }

// Not CLI::Range, which lets "nan" through.
std::string CheckFlashSpeed(const std::string& text) {
  double factor = 0;
  const bool number = CLI::detail::lexical_cast(text, factor) && std::isfinite(factor);
  if (number && factor >= kMinFlashSpeed && factor <= kMaxFlashSpeed) return "";
  return fmt::format("'{}' is no number from {} to {:.0f}", text, kMinFlashSpeed, kMaxFlashSpeed);
}

// With the board's number and the seed's digits it must fit a reply of DAP_Info.
constexpr size_t kMaxSerialPrefix = 64;

}  // namespace

std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code) {
  CLI::App app("Simulated boards: CMSIS-DAP probes over TCP, each with a Cortex-M4F behind it.", "probegate-sim");
  Options options;
  std::string listen = "127.0.0.1:4441";
  std::string control;
  std::string uart;
  uint64_t latency = 0;
  bool verbose = false;
  bool quiet = false;
  app.add_option("--listen", listen,
                 "Where the first board listens; the others on the ports above. Port 0: any, for each")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--boards", options.boards, "How many boards")
      ->check(CLI::Range(1u, kMaxBoards))
      ->capture_default_str();
  std::string chip = "nrf52840";
  app.add_option("--chip", chip,
                 "What is on the boards: nrf52840, or adiv6, which has the same core behind an ADIv6 DP")
      ->check(CLI::IsMember(kChips))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Chooses serial numbers and what RAM holds at power-up")
      ->capture_default_str();
  options.serial_prefix = "PGSIM";
  app.add_option("--serial-prefix", options.serial_prefix, "How each serial number begins")
      ->check(CLI::Validator(
          [](const std::string& prefix) {
            return prefix.size() <= kMaxSerialPrefix ? ""
                                                     : "longer than " + std::to_string(kMaxSerialPrefix) + " letters";
          },
          "TEXT"))
      ->capture_default_str();
  app.add_option("--latency-us", latency, "For how long each reply is held back, in microseconds")
      ->check(CLI::Range(uint64_t{0}, kMaxLatency))
      ->capture_default_str();
  CLI::Option* realtime =
      app.add_flag("--realtime", options.realtime, "Execute no faster than the chip would, not as fast as possible");
  app.add_flag("--wire-time", options.wire_time,
               "Let simulated time pass only with the clock of the wire, a microsecond a cycle: what a board does then "
               "depends on its seed and its client's packets alone")
      ->excludes(realtime);
  app.add_option(
         "--trace", options.trace,
         "Writes what each board does, a line an event with its time, into a file of this directory, made where "
         "it is not there")
      ->type_name("DIR")
      ->check(CLI::Validator(NotEmpty, ""));
  app.add_option("--flash", options.flash,
                 "What each board has in flash: a binary image, Intel HEX, or an ELF executable for Arm; a small test "
                 "firmware unless given")
      ->type_name("FILE")
      ->check(CLI::Validator(NotEmpty, ""));
  app.add_option("--state", options.state,
                 "Keeps each board's flash in this directory, made where it is not there; a board that has its file "
                 "there starts with that")
      ->type_name("DIR")
      ->check(CLI::Validator(NotEmpty, ""));
  app.add_option("--flash-speed", options.flash_speed,
                 "By how much faster flash is written and erased than on the chip")
      ->type_name("FACTOR")
      ->check(CLI::Validator(CheckFlashSpeed, fmt::format("{} to {:.0f}", kMinFlashSpeed, kMaxFlashSpeed)))
      ->capture_default_str();
  app.add_flag("--locked", options.locked,
               "Boards start with access port protection on; a mass erase ends it. Not those with a file in --state");
  app.add_option(
         "--uart", uart,
         "Where the first board's serial port is, as a TCP port that carries its bytes; the others on the ports "
         "above. Port 0: any, for each. Off unless given")
      ->type_name("HOST:PORT");
  app.add_option("--control", control, "Control port (JSON lines), on a loopback address; off unless given")
      ->type_name("HOST:PORT");
  app.add_flag("-v,--verbose", verbose, "Log connections too");
  app.add_flag("-q,--quiet", quiet, "Log errors only")->excludes("--verbose");
  app.set_version_flag("--version", "probegate-sim " PROBEGATE_VERSION);
  try {
    app.parse(argc, argv);
    options.chip = kChips.at(chip);
    if (options.locked && options.chip == ChipKind::kAdiv6) {
      throw std::invalid_argument("--locked: --chip adiv6 has no access port protection");
    }
    options.listen = ParseHostPort(listen);
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
