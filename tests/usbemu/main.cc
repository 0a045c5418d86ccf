// usbemu's main: puts together the options, the boards, the bus, the control socket, and the program that sees the bus.
#include <csignal>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asio/io_context.hpp"
#include "asio/signal_set.hpp"
#include "tests/usbemu/bus.h"
#include "tests/usbemu/control.h"
#include "tests/usbemu/control_server.h"
#include "tests/usbemu/options.h"
#include "tests/usbemu/program.h"
#include "tests/usbemu/sim_child.h"
#include "tests/usbemu/temporary_directory.h"

namespace probegate::usbemu {
namespace {

// `sim` is null if the boards are those of --board.
std::vector<Slot> MakeSlots(const Options& options, SimChild* sim) {
  std::vector<Slot> slots;
  for (size_t i = 0; i < options.devices.size(); ++i) {
    Slot slot = {.spec = options.devices[i], .set_power = [](bool) {}};
    if (sim != nullptr) {
      const SimChild::Board& board = sim->boards()[i];
      slot.board = {"127.0.0.1", board.port};
      if (!slot.spec.serial) slot.spec.serial = board.serial;
      // Boards start with their power on.
      slot.set_power = [sim, i, powered = true](bool on) mutable {
        if (std::exchange(powered, on) != on) sim->Command(on ? "plug" : "unplug", i);
      };
    } else {
      slot.board = options.boards[i];
      if (!slot.spec.serial) slot.spec.serial = "USBEMU" + std::to_string(i);
    }
    slots.push_back(std::move(slot));
  }
  return slots;
}

class SignalForwarder {
 public:
  SignalForwarder(asio::io_context& io, std::function<void(int)> on_signal)
      : signals_(io, SIGINT, SIGTERM, SIGHUP), on_signal_(std::move(on_signal)) {
    signals_.add(SIGQUIT);
    signals_.add(SIGUSR1);
    signals_.add(SIGUSR2);
    Wait();
  }

 private:
  void Wait() {
    signals_.async_wait([this](const asio::error_code& error, int number) {
      if (error) return;
      on_signal_(number);
      Wait();
    });
  }

  asio::signal_set signals_;
  std::function<void(int)> on_signal_;
};

int Main(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);
  const TemporaryDirectory root;  // created before this process adopts orphans
  AdoptOrphans();
  std::unique_ptr<SimChild> sim;
  if (options.boards.empty()) {
    sim = std::make_unique<SimChild>(options.sim_program, static_cast<unsigned>(options.devices.size()),
                                     options.sim_flags);
  }
  asio::io_context io{1};
  Bus bus(io, root.path(), options.timing, MakeSlots(options, sim.get()));
  const auto environment = BusEnvironment(bus.root(), [](const char* name) { return std::getenv(name); });
  nlohmann::json facts = {{"environment", environment}};
  if (sim) facts["sim_control_port"] = sim->control_port();
  Control control(bus, std::move(facts));
  std::optional<ControlServer> server;
  if (options.control) server.emplace(io, *options.control, control);

  int exit_code = 0;
  std::unique_ptr<Program> program;
  const SignalForwarder forwarder(io, [&](int number) {
    if (program) {
      program->Signal(number);
    } else {
      io.stop();
    }
  });
  if (options.program.empty()) {
    for (const auto& [name, value] : environment) std::cout << name << '=' << value << '\n';
    std::cout << std::flush;
  } else {
    try {
      program = std::make_unique<Program>(io, options.program, environment, bus.has_denied(), [&](int code) {
        exit_code = code;
        io.stop();
      });
    } catch (const std::runtime_error& error) {
      std::cerr << "usbemu: " << error.what() << '\n';
      return kExitCannotRun;
    }
  }
  io.run();
  KillOrphans(sim ? std::optional(sim->pid()) : std::nullopt);
  return exit_code;
}

}  // namespace
}  // namespace probegate::usbemu

int main(int argc, char** argv) {
  int exit_code = 0;
  const std::optional<probegate::usbemu::Options> options = probegate::usbemu::ParseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  try {
    return probegate::usbemu::Main(*options);
  } catch (const std::exception& error) {
    std::cerr << "usbemu: " << error.what() << '\n';
    return probegate::usbemu::kExitFailure;
  }
}
