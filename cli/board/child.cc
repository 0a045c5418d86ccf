#include "cli/board/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/c_strings.h"

namespace probegate {
namespace {

constexpr int kNotStarted = 127;

[[noreturn]] void ThrowError(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

std::vector<std::string> EnvironmentWith(const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> all;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto replaces = [&text](const auto& variable) { return text.starts_with(variable.first + "="); };
    if (std::ranges::none_of(more, replaces)) all.push_back(text);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

// What the child does before it becomes the program. This runs in a copy of a process with threads, so it makes system
// calls only.
struct Beginning {
  int input;  // negative: the child keeps the three files of its parent, and the group
  int output;
  pid_t parent;
  sigset_t blocked;

  void Run() const {
    if (input >= 0) {
      ::setpgid(0, 0);
      ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
      if (::getppid() != parent) ::_exit(kNotStarted);  // it ended before it was asked to tell
      ::dup2(input, STDIN_FILENO);
      ::dup2(output, STDOUT_FILENO);
      ::dup2(output, STDERR_FILENO);
    }
    ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  }
};

// Returns the process that has become the program.
pid_t Start(const ChildCommand& command, int output) {
  std::vector<std::string> words = command.words;
  std::vector<std::string> environment = EnvironmentWith(command.environment);
  const std::vector<char*> word_pointers = CStrings(words);
  const std::vector<char*> environment_pointers = CStrings(environment);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) ThrowError(errno, "cannot start " + words.front());
  const FileDescriptor errors(ends[0]);
  FileDescriptor child_errors(ends[1]);
  const FileDescriptor nothing(output < 0 ? -1 : ::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Beginning beginning{nothing.number(), output, ::getpid(), command.blocked};
  const pid_t pid = ::fork();
  if (pid < 0) ThrowError(errno, "cannot start " + words.front());
  if (pid == 0) {
    beginning.Run();
    ::execvpe(word_pointers.front(), word_pointers.data(), environment_pointers.data());
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(child_errors.number(), &error, sizeof error);
    ::_exit(kNotStarted);
  }
  ::close(child_errors.Release());
  int error = 0;
  if (::read(errors.number(), &error, sizeof error) <= 0) return pid;  // exec has closed the other end
  ::waitpid(pid, nullptr, 0);
  ThrowError(error, "cannot run " + words.front());
}

}  // namespace

Child::Child(const ChildCommand& command, int output)
    : pid_(Start(command, output)), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))) {}

Child::~Child() {
  if (exit_code_ >= 0) return;
  Signal(SIGTERM);
  pollfd ended{.fd = pidfd(), .events = POLLIN, .revents = 0};
  const auto bound = std::chrono::milliseconds(kPatience).count();
  if (::poll(&ended, 1, static_cast<int>(bound)) <= 0) Signal(SIGKILL);
  Wait();
}

void Child::Signal(int number) const {
  if (exit_code_ < 0) ::kill(pid_, number);
}

int Child::Wait() {
  int status = 0;
  while (exit_code_ < 0) {
    if (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return exit_code_;
}

size_t WaitForOne(std::initializer_list<int> files) {
  std::vector<pollfd> polled;
  for (const int file : files) polled.push_back({.fd = file, .events = POLLIN, .revents = 0});
  while (::poll(polled.data(), polled.size(), -1) <= 0) {
  }
  const auto ready = std::ranges::find_if(polled, [](const pollfd& one) { return one.revents != 0; });
  return static_cast<size_t>(ready - polled.begin());
}

}  // namespace probegate
