// probegate-sim: boards that are not there. Wires options, boards, the control port and the signals that end it.
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "asio/io_context.hpp"
#include "asio/signal_set.hpp"
#include "sim/board_server.h"
#include "sim/control_server.h"
#include "sim/options.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

std::shared_ptr<spdlog::logger> MakeLogger(Verbosity verbosity) {
  auto logger = std::make_shared<spdlog::logger>("probegate-sim", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(verbosity == Verbosity::kQuiet     ? spdlog::level::err
                    : verbosity == Verbosity::kVerbose ? spdlog::level::debug
                                                       : spdlog::level::info);
  return logger;
}

int Main(const Options& options) {
  const std::shared_ptr<spdlog::logger> log = MakeLogger(options.verbosity);
  asio::io_context io{1};
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&io](const asio::error_code&, int) { io.stop(); });

  const asio::ip::tcp::endpoint first = Resolve(options.listen);
  std::vector<std::unique_ptr<BoardServer>> boards;
  for (unsigned i = 0; i < options.boards; ++i) {
    auto board = std::make_unique<Board>(i, options.seed, options.serial_prefix);
    board->set_latency(options.latency);
    const auto port = static_cast<uint16_t>(first.port() == 0 ? 0 : first.port() + i);
    const asio::ip::tcp::endpoint endpoint(first.address(), port);
    boards.push_back(std::make_unique<BoardServer>(i, std::move(board), endpoint, log));
  }
  const Control control(boards);
  std::unique_ptr<ControlServer> control_server;
  if (options.control) {
    control_server = std::make_unique<ControlServer>(io, Resolve(*options.control), control, log);
  }
  for (const std::unique_ptr<BoardServer>& board : boards) {
    std::cout << "board " << board->index() << " (" << board->serial() << ") listening on "
              << ToString(board->endpoint()) << '\n';
  }
  if (control_server) std::cout << "control listening on " << ToString(control_server->endpoint()) << '\n';
  std::cout << std::flush;
  io.run();
  return 0;
}

}  // namespace
}  // namespace probegate::sim

int main(int argc, char** argv) {
  int exit_code = 0;
  const std::optional<probegate::sim::Options> options = probegate::sim::ParseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  try {
    return probegate::sim::Main(*options);
  } catch (const std::invalid_argument& error) {
    std::cerr << "probegate-sim: " << error.what() << '\n';
    return probegate::sim::kExitUsage;
  } catch (const std::exception& error) {
    std::cerr << "probegate-sim: " << error.what() << '\n';
    return 1;
  }
}
