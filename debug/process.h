// A program that was started, with all processes that it starts: they are killed when this object is destroyed.
//
// The program is started with posix_spawn(3), through probegate-launch (debug/launch/), in its own process group. That
// is also a session of its own (setsid(2)): the kernel shares processor time evenly among sessions, however many
// threads each has (sched(7), autogroup). It inherits no open files except those it is given, and no blocked or ignored
// signals. The kernel kills it when the thread that started it ends.
//
// Threads: one at a time. The thread that starts a process must outlive it.
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
  std::vector<std::string> words;  // the first is the program's path
  std::map<std::string, std::string> environment;
  std::string directory;
};

class Process {
 public:
  // Standard input is `input`, or /dev/null if that is negative. Standard output and error are `output`.
  static absl::StatusOr<Process> Start(const ProcessCommand& command, int input, int output);

  // Kills the process group and waits until all its processes have ended.
  ~Process();
  Process(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process& operator=(Process&&) = delete;

  // Becomes readable when the process ends.
  int pidfd() const { return pidfd_.number(); }
  pid_t pid() const { return pid_; }

  // How the process ended; nothing while it is still running. Other processes of its group may still be running.
  std::optional<ProcessEnd> TryWait();
  // Sends a signal to the whole group.
  void Signal(int number) const;

 private:
  Process(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}

  pid_t pid_;  // 0 after this object has been moved from
  FileDescriptor pidfd_;
};

// The two ends of a pipe, which programs that are started do not inherit. The read end is non-blocking.
struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};
absl::StatusOr<Pipe> MakePipe();

}  // namespace probegate
