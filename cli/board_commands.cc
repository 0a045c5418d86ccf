// The subcommands connect and exec: a gateway of one's own for a probe.
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>

#include "base/background.h"
#include "base/file_descriptor.h"
#include "cli/board/child.h"
#include "cli/board/job_signals.h"
#include "cli/board/own_gateway.h"
#include "cli/commands.h"
#include "cli/print/failure.h"
#include "cli/print/json.h"
#include "cli/servers/find_probe.h"
#include "cli/servers/server_group.h"

namespace probegate {
namespace {

// Thrown if a signal arrives before there is anything to end.
struct Interrupted {
  int signal;
};

// Makes an eventfd(2) readable when it is destroyed.
struct Bell {
  int file;
  ~Bell() {
    const uint64_t one = 1;
    (void)!::write(file, &one, sizeof one);
  }
};

// Finds the probe on another thread, so that signals are noticed meanwhile. After a signal, the program must end
// without waiting for that thread.
std::string FindUniqueId(const CommonArguments& common, const ProbeChoice& wanted, const JobSignals& signals,
                         int (*exit_code)(int signal)) {
  const FileDescriptor found(::eventfd(0, EFD_CLOEXEC));
  auto unique_id = InBackground(
      [&] {
        const Bell bell{found.number()};
        ServerGroup group(common.servers, common.security);
        return FindProbe(group, wanted).unique_id;
      },
      [](const std::string& why) -> std::string { throw Failure(ExitCode::kFailed, why); });
  if (WaitForOne({signals.file(), found.number()}) == 0) std::_Exit(exit_code(signals.Take().number));
  return unique_id.get();
}

// Waits until the gateway serves its probe.
void AwaitServing(OwnGateway& gateway, const JobSignals& signals) {
  while (!gateway.address()) {
    if (WaitForOne({signals.file(), gateway.output()}) == 0) throw Interrupted{signals.Take().number};
    if (!gateway.TakeOutput())
      throw Failure(ExitCode::kFailed, "the gateway cannot serve the probe: " + gateway.reason());
  }
}

OwnGatewayOptions OptionsFor(const CommonArguments& common, const BoardArguments& board, std::string unique_id,
                             const JobSignals& signals) {
  return {.servers = common.servers,
          .client_words = common.gateway_words,
          .probe = std::move(unique_id),
          .port = board.port,
          .blocked = signals.before()};
}

void PrintConnection(const CommonArguments& common, const std::string& unique_id, const Endpoint& address) {
  if (common.json) {
    std::cout << WithMember(WithMember("{}", "probe", ToJson(unique_id)), "board", ToJson(address.ToString()))
              << std::endl;
    return;
  }
  std::cout << "Debug probe " << unique_id << " is at " << address.ToString()
            << ", for your programs on this machine, until Ctrl-C:\n\n  pyocd gdbserver --uid remote:"
            << address.ToString() << "\n"
            << std::endl;
}

int EndsWell(int /*signal*/) { return 0; }
int CodeOfSignal(int signal) { return 128 + signal; }

// Ends the command, after its gateway has ended.
[[noreturn]] void GiveUp(const OwnGateway& gateway) {
  throw Failure(ExitCode::kGatewayEnded, "the gateway ended, so the command was ended: " + gateway.reason());
}

// Runs the command to its end; returns its exit code.
int RunCommand(Child& command, OwnGateway& gateway, const JobSignals& signals) {
  while (true) {
    switch (WaitForOne({command.pidfd(), signals.file(), gateway.output()})) {
      case 0:
        return command.Wait();
      case 1: {
        const JobSignals::Arrived signal = signals.Take();
        if (!signal.from_terminal) command.Signal(signal.number);
        break;
      }
      default:
        if (!gateway.TakeOutput()) GiveUp(gateway);
    }
  }
}

}  // namespace

void RunConnect(const CommonArguments& common, const BoardArguments& board) {
  const JobSignals signals;
  const std::string unique_id = FindUniqueId(common, board.probe, signals, EndsWell);
  OwnGateway gateway(OptionsFor(common, board, unique_id, signals));
  try {
    AwaitServing(gateway, signals);
  } catch (const Interrupted&) {
    return;
  }
  PrintConnection(common, unique_id, *gateway.address());
  while (WaitForOne({signals.file(), gateway.output()}) == 1) {
    if (!gateway.TakeOutput()) throw Failure(ExitCode::kFailed, "the gateway ended: " + gateway.reason());
  }
}

int RunExec(const CommonArguments& common, const ExecArguments& arguments) {
  const JobSignals signals;
  const std::string unique_id = FindUniqueId(common, arguments.board.probe, signals, CodeOfSignal);
  OwnGateway gateway(OptionsFor(common, arguments.board, unique_id, signals));
  try {
    AwaitServing(gateway, signals);
    Child command({.words = arguments.command,
                   .environment = {{"PROBEGATE_BOARD", gateway.address()->ToString()}, {"PROBEGATE_PROBE", unique_id}},
                   .blocked = signals.before()});
    return RunCommand(command, gateway, signals);
  } catch (const Interrupted& interrupted) {
    return CodeOfSignal(interrupted.signal);
  } catch (const std::system_error& error) {
    throw Failure(error.code().value() == ENOENT ? ExitCode::kNoCommand : ExitCode::kCannotRun, error.what());
  }
}

}  // namespace probegate
