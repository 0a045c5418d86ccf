// probegate-launch: probegate-debugd starts its tools through this program. It asks the kernel to kill the process when
// its parent dies, confines it if requested, and then executes the tool. It also makes the namespaces of a session and
// lets its tools enter them.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "debug/launch/confinement.h"
#include "debug/launch/forwarder.h"
#include "debug/launch/group.h"
#include "debug/launch/namespaces.h"

namespace probegate {
namespace {

// The exit code of a shell for a command that cannot be run.
constexpr int kCannotRun = 127;

// Signals that are sent to the process group, and are meant for the tool.
constexpr int kForwardedSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

struct Options {
  pid_t parent = 0;
  bool confined = false;
  Confinement confinement;
  uint16_t forward = 0;       // make namespaces, in which this is the gateway's port; 0: no
  uint64_t folder_bytes = 0;  // of the session's folder in them
  std::string group;          // the control group of the session; empty: none
  pid_t enter = 0;            // the first process of the namespaces to enter; 0: none
  std::vector<std::string> command;
};

int Fail(const std::string& why) {
  std::cerr << "probegate-launch: " << why << "\n";
  return kCannotRun;
}

int Fail(const absl::Status& why) { return Fail(std::string(why.message())); }

// The kernel kills this process when its parent dies.
bool DieWithParent() { return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0; }

int Become(Options& options) {
  if (options.confined) {
    if (const absl::Status status = Confine(options.confinement); !status.ok()) return Fail(status);
  }
  std::vector<char*> arguments;
  for (std::string& word : options.command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  return Fail("cannot run " + options.command.front() + ": " + std::strerror(errno));
}

// Waits until `child` has ended, and ends in the same way.
int EndLike(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  // The tool's memory would be worth a look, not that of this process.
  constexpr rlimit kNone{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &kNone);
  ::signal(WTERMSIG(status), SIG_DFL);
  ::raise(WTERMSIG(status));
  return kCannotRun;
}

// Executes the tool in the session's namespaces. Only a child of the process that enters a PID namespace is in it.
int BecomeInside(Options& options) {
  if (const absl::Status status = EnterNamespaces(options.enter); !status.ok()) return Fail(status);
  const std::string& folder = options.confinement.work_directory;
  if (::chdir(folder.c_str()) != 0) return Fail("cannot enter " + folder + ": " + std::strerror(errno));
  // Entering may have undone what DieWithParent did before.
  if (!DieWithParent() || ::getppid() != options.parent) return kCannotRun;
  int alive[2];
  if (::pipe(alive) != 0) return Fail(std::string("cannot create a pipe: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child < 0) return Fail(std::string("cannot start a process: ") + std::strerror(errno));
  if (child == 0) {
    // getppid() says nothing about a parent outside the namespace. If the parent lives after prctl, it will answer.
    char answer = 0;
    ::close(alive[1]);
    const bool lives = DieWithParent() && ::read(alive[0], &answer, 1) == 1;
    ::close(alive[0]);
    ::_exit(lives ? Become(options) : kCannotRun);
  }
  for (const int signal : kForwardedSignals) ::signal(signal, SIG_IGN);
  const bool answered = ::write(alive[1], "x", 1) == 1;
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  // The tool's output ends when the tool does.
  ::close(STDIN_FILENO);
  ::close(STDOUT_FILENO);
  return answered ? EndLike(child) : kCannotRun;
}

int MakeAndForward(const Options& options) {
  auto made = MakeNamespaces({.work_directory = options.confinement.work_directory,
                              .work_bytes = options.folder_bytes,
                              .port = options.forward});
  if (!made.ok()) return Fail(made.status());
  std::cout << "The namespaces belong to process " << made->first << "\n" << std::flush;
  Forward(std::move(made->gateway), options.forward);
}

int Main(int argc, char** argv) {
  CLI::App app("Executes COMMAND, which is killed when its parent dies; for probegate-debugd", "probegate-launch");
  Options options;
  Confinement& confinement = options.confinement;
  app.set_version_flag("--version", "probegate-launch " PROBEGATE_VERSION);
  app.add_option("--parent", options.parent, "Exit at once unless this is the parent's process ID")
      ->option_text("PID")
      ->required();
  app.add_flag("--confined", options.confined, "Allow the command only what the options below grant");
  app.add_option("--work", confinement.work_directory, "Let the command write below this folder")->option_text("DIR");
  app.add_option("--read", confinement.readable,
                 "Let the command read this file, or everything below this folder (repeatable)")
      ->option_text("PATH")
      ->allow_extra_args(false);
  app.add_option("--connect", confinement.connect_port, "Let the command connect to this TCP port")
      ->option_text("PORT");
  app.add_flag("--listen", confinement.may_listen, "Let the command listen on ports that the system picks");
  app.add_option("--threads", confinement.threads,
                 "Let the command's user have this many threads; with --enter, only the session's count")
      ->option_text("COUNT");
  app.add_flag("--sleepless", confinement.sleepless, "Make the command's sleeps return at once");
  app.add_option("--group", options.group, "First move to this control group (the path of its folder)")
      ->option_text("DIR");
  app.add_option("--enter", options.enter, "Execute the command in the namespaces that belong to this process")
      ->option_text("PID");
  auto* forward =
      app.add_option("--forward", options.forward,
                     "Instead of executing a command, create namespaces, print the ID of the process to which they "
                     "belong, and forward this port of their loopback interface to the same port outside")
          ->option_text("PORT");
  app.add_option("--folder-bytes", options.folder_bytes, "With --forward: the size of the tmpfs mounted on --work")
      ->option_text("BYTES")
      ->needs(forward);
  app.add_option("COMMAND", options.command, "The tool's path and its arguments, after --");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  if (options.command.empty() == (options.forward == 0)) return Fail("COMMAND or --forward must be given, not both");
  // The parent may have died before prctl was called.
  if (!DieWithParent()) return Fail(std::string("cannot set PR_SET_PDEATHSIG: ") + std::strerror(errno));
  if (::getppid() != options.parent) return kCannotRun;
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  if (!options.group.empty()) {
    if (const absl::Status status = EnterGroup(options.group); !status.ok()) return Fail(status);
  }
  if (options.forward != 0) return MakeAndForward(options);
  return options.enter != 0 ? BecomeInside(options) : Become(options);
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) { return probegate::Main(argc, argv); }
