// A program that this one starts.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"

namespace probegate {

struct ChildCommand {
  // The first is the program: a path, or a name that is looked up in PATH.
  std::vector<std::string> words;
  // In addition to this program's environment, or instead of its values.
  std::vector<std::pair<std::string, std::string>> environment;
  // Which signals are blocked in the program.
  sigset_t blocked;
};

// Threads: one. The thread that starts a program in the background must outlive it.
class Child {
 public:
  // Starts the program with this program's standard input, output and error, in its process group. Throws a
  // std::system_error with the reason if that fails.
  explicit Child(const ChildCommand& command) : Child(command, -1) {}

  // Starts a program that works in the background for this one, unless `output` is negative: its standard output and
  // error are `output`, and its standard input is empty. It has its own process group, so that Ctrl-C is not meant for
  // it. If this program is killed, the kernel sends it SIGTERM.
  Child(const ChildCommand& command, int output);

  // Sends SIGTERM, and kills the program if it has not ended after kPatience.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Longer than a gateway takes (gateway/main.cc).
  static constexpr std::chrono::seconds kPatience{12};

  // Becomes readable when the program has ended.
  int pidfd() const { return pidfd_.number(); }
  // Does nothing once Wait has returned.
  void Signal(int number) const;
  // Waits until the program has ended; returns its exit code, or 128 and the number of the signal that ended it.
  int Wait();

 private:
  pid_t pid_;
  FileDescriptor pidfd_;
  int exit_code_ = -1;  // not known yet
};

// Waits until one of `files` has something to read, or is at its end. Returns the index of the first such one. Negative
// files are left out.
size_t WaitForOne(std::initializer_list<int> files);

}  // namespace probegate
