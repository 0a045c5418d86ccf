#include "sim/options.h"

#include <iostream>
#include <stdexcept>

#include "CLI/CLI.hpp"
#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

constexpr unsigned kMaxBoards = 1000;
constexpr uint64_t kMaxLatency = 60'000'000;

void CheckPorts(const Options& options) {
  if (options.listen.port == 0 || options.listen.port + (options.boards - 1) <= UINT16_MAX) return;
  throw std::invalid_argument(fmt::format("{} boards from port {} upward would go past port {}", options.boards,
                                          options.listen.port, UINT16_MAX));
}

// With the board's number and the seed's digits it must fit a reply of DAP_Info.
constexpr size_t kMaxSerialPrefix = 64;

}  // namespace

std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code) {
  CLI::App app("Simulated boards: CMSIS-DAP probes over TCP, each with a Cortex-M4F behind it.", "probegate-sim");
  Options options;
  std::string listen = "127.0.0.1:4441";
  std::string control;
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
  app.add_option("--control", control, "Control port (JSON lines), on a loopback address; off unless given")
      ->type_name("HOST:PORT");
  app.add_flag("-v,--verbose", verbose, "Log connections too");
  app.add_flag("-q,--quiet", quiet, "Log errors only")->excludes("--verbose");
  app.set_version_flag("--version", "probegate-sim " PROBEGATE_VERSION);
  try {
    app.parse(argc, argv);
    options.listen = ParseHostPort(listen);
    if (!control.empty()) options.control = ParseHostPort(control);
    CheckPorts(options);
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
