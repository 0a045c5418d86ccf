// probegate-sim: simulated boards. Connects the options, the boards, the control port and the signals that end the
// program.
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "asio/io_context.hpp"
#include "asio/signal_set.hpp"
#include "sim/board_directory.h"
#include "sim/board_server.h"
#include "sim/control_server.h"
#include "sim/firmware/default_firmware.h"
#include "sim/flash_store.h"
#include "sim/image/flash_contents.h"
#include "sim/options.h"
#include "sim/peripherals/ctrl_ap.h"
#include "sim/trace.h"
#include "sim/uart_server.h"
#include "spdlog/fmt/fmt.h"
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

// The contents of flash for a board without a saved file.
FlashContents InitialContents(const Options& options) {
  FlashContents contents;
  if (options.flash) {
    contents = FlashContents(LoadImage(*options.flash));
  } else {
    contents.Write(kFlashArea.base, DefaultFirmware());
  }
  if (options.locked) contents.Write(CtrlAp::kUicrApprotect, CtrlAp::kProtected);
  return contents;
}

// The address of board `index`: the ports are consecutive, starting with that of the first board.
asio::ip::tcp::endpoint EndpointOf(const asio::ip::tcp::endpoint& first, unsigned index) {
  return {first.address(), static_cast<uint16_t>(first.port() == 0 ? 0 : first.port() + index)};
}

// The serial ports of all boards, by board number.
using Uarts = std::vector<std::unique_ptr<UartServer>>;

// Connect a board's serial port, for each direction: the board's bytes are sent from its first instruction on; bytes
// are received once the io_context runs.
void ConnectSending(const UartServer& uart, Board& board) { board.chip().parts().uarte().OnSend(uart.Sender()); }
void ConnectReceiving(UartServer& uart, BoardServer& server) {
  uart.OnReceive([&server](std::span<const uint8_t> bytes) {
    server.CallStopped([&] { server.board().chip().parts().uarte().Receive(bytes); });
  });
}

int Main(const Options& options) {
  const std::shared_ptr<spdlog::logger> log = MakeLogger(options.verbosity);
  const FlashContents initial = InitialContents(options);
  std::optional<FlashStore> store;
  if (options.state) store.emplace(*options.state, log);
  if (options.trace) MakeDirectory(*options.trace);
  asio::io_context io{1};
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&io](const asio::error_code&, int) { io.stop(); });

  const asio::ip::tcp::endpoint first = Resolve(options.listen);
  std::optional<asio::ip::tcp::endpoint> first_uart;
  if (options.uart) first_uart = Resolve(*options.uart);
  Uarts uarts;
  std::vector<std::unique_ptr<Trace>> traces;
  std::vector<std::unique_ptr<BoardServer>> boards;
  const Engine::Pace pace = options.wire_time  ? Engine::Pace::kWire
                            : options.realtime ? Engine::Pace::kRealTime
                                               : Engine::Pace::kFast;
  for (unsigned i = 0; i < options.boards; ++i) {
    const std::string serial = BoardSerial(i, options.seed, options.serial_prefix);
    std::optional<FlashContents> kept;
    if (store) kept = store->Read(serial);
    const FlashContents& contents = kept ? *kept : initial;
    const std::string name = fmt::format("board {}", i);
    const ChipSettings settings = {.kind = options.chip,
                                   .flash_speed = options.flash_speed,
                                   .log = log,
                                   .board = name,
                                   .wire_time = options.wire_time,
                                   .other_taps = options.other_taps};
    auto board = std::make_unique<Board>(i, options.seed, options.serial_prefix, contents, settings);
    board->SetQuirks(options.quirks);
    if (store) board->chip().OnFlashChange(store->Keep(serial, contents));
    if (options.trace) {
      traces.push_back(
          std::make_unique<Trace>(board->chip().clock(), *options.trace + "/" + FileNameOf(serial, ".trace"), log));
      board->chip().TraceTo(*traces.back());
    }
    board->set_latency(options.latency);
    if (first_uart) {
      uarts.push_back(std::make_unique<UartServer>(io, EndpointOf(*first_uart, i), log, name));
      ConnectSending(*uarts.back(), *board);
    }
    boards.push_back(std::make_unique<BoardServer>(i, std::move(board), EndpointOf(first, i), log, pace));
    if (first_uart) ConnectReceiving(*uarts.back(), *boards.back());
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
  for (size_t i = 0; i < uarts.size(); ++i) {
    std::cout << "board " << i << " serial port listening on " << ToString(uarts[i]->endpoint()) << '\n';
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
  } catch (const probegate::sim::ImageError& error) {
    std::cerr << "probegate-sim: --flash: " << error.what() << '\n';
    return probegate::sim::kExitUsage;
  } catch (const std::invalid_argument& error) {
    std::cerr << "probegate-sim: " << error.what() << '\n';
    return probegate::sim::kExitUsage;
  } catch (const std::exception& error) {
    std::cerr << "probegate-sim: " << error.what() << '\n';
    return 1;
  }
}
