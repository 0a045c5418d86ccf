#include "debug/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/c_strings.h"

namespace probegate {
namespace {

absl::Status SystemError(const std::string& what, int error) {
  return absl::InternalError(what + ": " + std::strerror(error));
}

ProcessEnd EndOf(const siginfo_t& info) { return {info.si_code != CLD_EXITED, info.si_status}; }

// waitid(2) for a process that matches; false if there is none, or none has ended yet (WNOHANG).
bool Wait(idtype_t kind, id_t id, int options, siginfo_t& info) {
  info = {};
  int result = 0;
  do {
    result = ::waitid(kind, id, &info, options);
  } while (result != 0 && errno == EINTR);
  return result == 0 && info.si_pid != 0;
}

// The file actions and the attributes for posix_spawn(3).
class SpawnOptions {
 public:
  SpawnOptions(int input, int output, const std::string& directory) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    if (input < 0) {
      posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    } else {
      posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    }
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str());
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }
  ~SpawnOptions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

std::string ProcessEnd::ToString() const {
  if (!by_signal) return "exited with code " + std::to_string(number);
  const char* name = ::sigdescr_np(number);
  return "was ended by signal " + std::to_string(number) + (name != nullptr ? std::string(" (") + name + ")" : "");
}

absl::StatusOr<Process> Process::Start(const ProcessCommand& command, int input, int output) {
  std::vector<std::string> words = command.words;
  std::vector<std::string> variables;
  for (const auto& [name, value] : command.environment) variables.push_back(name + "=" + value);
  const SpawnOptions options(input, output, command.directory);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, words.front().c_str(), options.actions(), options.attributes(),
                                  CStrings(words).data(), CStrings(variables).data());
  if (error != 0) return SystemError("cannot start " + words.front(), error);
  Process process(pid, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.pidfd_.ok()) return SystemError("cannot open a pidfd", errno);
  return process;
}

Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}

Process::~Process() {
  if (pid_ == 0) return;
  // Until the process is waited for, its ID, and so the ID of its group, cannot be reused. Once it is dead, the
  // processes that it had started are children of this program (PR_SET_CHILD_SUBREAPER), and still in the group.
  Signal(SIGKILL);
  siginfo_t info;
  Wait(P_PID, static_cast<id_t>(pid_), WEXITED | WNOWAIT, info);
  Signal(SIGKILL);
  while (Wait(P_PGID, static_cast<id_t>(pid_), WEXITED, info)) {
  }
}

std::optional<ProcessEnd> Process::TryWait() {
  siginfo_t info;
  if (!Wait(P_PID, static_cast<id_t>(pid_), WEXITED | WNOHANG | WNOWAIT, info)) return std::nullopt;
  return EndOf(info);
}

void Process::Signal(int number) const { ::kill(-pid_, number); }

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError("cannot create a pipe", errno);
  Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return pipe;
}

}  // namespace probegate
