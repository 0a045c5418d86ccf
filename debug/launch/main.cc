// probegate-launch: probegate-debugd starts its tools through this program. It asks the kernel to kill the process when
// its parent dies, confines it if requested, and then executes the tool.
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "debug/launch/confinement.h"

namespace probegate {
namespace {

// The exit code of a shell for a command that cannot be run.
constexpr int kCannotRun = 127;

int Fail(const std::string& why) {
  std::cerr << "probegate-launch: " << why << "\n";
  return kCannotRun;
}

int Become(std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  return Fail("cannot run " + command.front() + ": " + std::strerror(errno));
}

int Main(int argc, char** argv) {
  CLI::App app("Executes COMMAND, which is killed when its parent dies; for probegate-debugd", "probegate-launch");
  pid_t parent = 0;
  Confinement confinement;
  bool confined = false;
  std::vector<std::string> command;
  app.set_version_flag("--version", "probegate-launch " PROBEGATE_VERSION);
  app.add_option("--parent", parent, "Exit at once unless this is the parent's process ID")
      ->option_text("PID")
      ->required();
  app.add_flag("--confined", confined, "Allow the command only what the options below grant");
  app.add_option("--work", confinement.work_directory, "Let the command write below this folder")->option_text("DIR");
  app.add_option("--read", confinement.readable,
                 "Let the command read this file, or everything below this folder (repeatable)")
      ->option_text("PATH")
      ->allow_extra_args(false);
  app.add_option("--connect", confinement.connect_port, "Let the command connect to this TCP port")
      ->option_text("PORT");
  app.add_flag("--listen", confinement.may_listen, "Let the command listen on ports that the system picks");
  app.add_flag("--sleepless", confinement.sleepless, "Make the command's sleeps return at once");
  app.add_option("COMMAND", command, "The tool's path and its arguments, after --")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  // The parent may have died before prctl was called.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return Fail(std::string("cannot set PR_SET_PDEATHSIG: ") + std::strerror(errno));
  if (::getppid() != parent) return kCannotRun;
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  if (confined) {
    if (const absl::Status status = Confine(confinement); !status.ok()) return Fail(std::string(status.message()));
  }
  return Become(command);
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) { return probegate::Main(argc, argv); }
