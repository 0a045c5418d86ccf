#include "tests/usbemu/program.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <stdexcept>
#include <utility>

namespace probegate::usbemu {
namespace {

constexpr const char* kPreload = "libumockdev-preload.so.0";

// Before the value that the variable already has.
std::string Before(const std::string& first, const char* rest) {
  return rest == nullptr || *rest == '\0' ? first : first + ":" + rest;
}

std::set<pid_t> Children() {
  std::ifstream file("/proc/self/task/" + std::to_string(getpid()) + "/children");
  std::set<pid_t> children;
  for (pid_t child = 0; file >> child;) children.insert(child);
  return children;
}

}  // namespace

std::map<std::string, std::string> BusEnvironment(const std::string& root,
                                                  const std::function<const char*(const char*)>& inherited) {
  return {
      {"UMOCKDEV_DIR", root},
      {"LD_PRELOAD", Before(kPreload, inherited("LD_PRELOAD"))},
      // A sanitizer's runtime must be the first library of a program.
      {"ASAN_OPTIONS", Before("verify_asan_link_order=0", inherited("ASAN_OPTIONS"))},
  };
}

Program::Program(asio::io_context& io, const std::vector<std::string>& words,
                 const std::map<std::string, std::string>& environment, bool without_override,
                 std::function<void(int)> on_end)
    : on_end_(std::move(on_end)), child_(io, SIGCHLD) {
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  argv.reserve(copies.size() + 1);
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);

  std::array<int, 2> failure{};  // reports why exec failed; closed if it succeeded
  if (pipe2(failure.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    // The preload library yields to other threads after each call, for which the kernel would take 50 us.
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    if (without_override) {
      prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0);
      prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0);
    }
    execvp(argv[0], argv.data());
    const int error = errno;
    while (write(failure[1], &error, sizeof(error)) < 0 && errno == EINTR) {
    }
    _exit(127);
  }
  close(failure[1]);
  int error = pid_ < 0 ? errno : 0;
  if (pid_ > 0 && read(failure[0], &error, sizeof(error)) != sizeof(error)) error = 0;
  close(failure[0]);
  if (error != 0) {
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    throw std::runtime_error("cannot run " + words[0] + ": " + std::strerror(error));
  }
  WaitForChild();
}

Program::~Program() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

// No SIGCHLD is missed: child_ keeps one that arrives between its construction and the wait.
void Program::WaitForChild() {
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = -1;
    on_end_(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    return;
  }
  child_.async_wait([this](const asio::error_code& error, int) {
    if (!error) WaitForChild();
  });
}

void Program::Signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

void AdoptOrphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void KillOrphans(std::optional<pid_t> spared) {
  // The children of each process that dies become children of this one.
  while (true) {
    std::set<pid_t> children = Children();
    if (spared) children.erase(*spared);
    if (children.empty()) return;
    for (const pid_t child : children) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
  }
}

}  // namespace probegate::usbemu
