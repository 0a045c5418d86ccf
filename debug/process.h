// A program that was started, and all that came of it: they end with this object.
//
// It is started by posix_spawn through probegate-launch (debug/launch/), in a process group of its own, with nothing of
// this process open but what it is given, no signal blocked or ignored, and dies with the thread that started it.
//
// Threads: one at a time, and that which starts it must outlive it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"

namespace probegate {

// How a process ended.
struct ProcessEnd {
  bool by_signal = false;
  int number = 0;  // the exit code or the signal
  // "exited with code 1", "was ended by signal 9 (Killed)".
  std::string ToString() const;
};

struct ProcessCommand {
  std::vector<std::string> words;  // the first is a path
  std::map<std::string, std::string> environment;
  std::string directory;
};

class Process {
 public:
  // Standard input is `input`, or /dev/null where it is below 0; standard output and error are `output`.
  static absl::StatusOr<Process> Start(const ProcessCommand& command, int input, int output);

  // Kills the group, and waits for all of it.
  ~Process();
  Process(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process& operator=(Process&&) = delete;

  // Becomes readable when the process ends.
  int pidfd() const { return pidfd_.number(); }
  pid_t pid() const { return pid_; }

  // How it ended, once it did. Others of its group may be left.
  std::optional<ProcessEnd> TryWait();
  // To the whole group.
  void Signal(int number) const;

 private:
  Process(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}

  pid_t pid_;  // 0 once moved from
  FileDescriptor pidfd_;
};

// Two ends of a pipe, closed in programs that are started. The end that is read does not block.
struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};
absl::StatusOr<Pipe> MakePipe();

}  // namespace probegate
