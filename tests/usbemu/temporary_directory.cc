#include "tests/usbemu/temporary_directory.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace probegate::usbemu {
namespace {

void RemoveAll(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

// Returns when `end` has reached its end of file.
void WaitForEnd(int end) {
  char byte = 0;
  ssize_t count = 0;
  do {
    count = read(end, &byte, 1);
  } while (count > 0 || (count < 0 && errno == EINTR));
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() : path_("/tmp/usbemu.XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error(std::string("no directory: ") + std::strerror(errno));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    RemoveAll(path_);
    throw std::runtime_error(std::string("no pipe: ") + std::strerror(errno));
  }
  alive_ = ends[1];
  const pid_t child = fork();
  if (child == 0) {
    // Its child lives on, in a session of its own, and without open files for whose end other processes may wait.
    if (fork() != 0) _exit(0);
    setsid();
    dup2(ends[0], 0);
    close_range(1, ~0u, 0);
    WaitForEnd(0);
    RemoveAll(path_);
    _exit(0);
  }
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
}

TemporaryDirectory::~TemporaryDirectory() {
  RemoveAll(path_);
  close(alive_);
}

}  // namespace probegate::usbemu
