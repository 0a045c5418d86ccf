// probegate-launch: what probegate-debugd starts its tools through. It ties the process to its parent's life, confines
// it where asked, and becomes the tool.
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

// As a shell has it for what cannot be run.
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
  return Fail(command.front() + " cannot be run: " + std::strerror(errno));
}

int Main(int argc, char** argv) {
  CLI::App app("Becomes COMMAND, which dies with its parent; for probegate-debugd", "probegate-launch");
  pid_t parent = 0;
  Confinement confinement;
  bool confined = false;
  std::vector<std::string> command;
  app.set_version_flag("--version", "probegate-launch " PROBEGATE_VERSION);
  app.add_option("--parent", parent, "End at once unless this is the parent's process id")
      ->option_text("PID")
      ->required();
  app.add_flag("--confined", confined, "Take from the command what the options below do not grant");
  app.add_option("--work", confinement.work_directory, "It may write here")->option_text("DIR");
  app.add_option("--read", confinement.readable, "It may read this, or below it (repeatable)")
      ->option_text("PATH")
      ->allow_extra_args(false);
  app.add_option("--connect", confinement.connect_port, "It may connect to this TCP port")->option_text("PORT");
  app.add_flag("--listen", confinement.may_listen, "It may listen on ports that the system picks");
  app.add_flag("--sleepless", confinement.sleepless, "Its sleeps take no time");
  app.add_option("COMMAND", command, "The tool's path and its arguments, after --")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  // The parent may have died before this was asked for.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Fail("PR_SET_PDEATHSIG cannot be set");
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
