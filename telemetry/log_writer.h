// Writes a program's log lines to standard error, on a thread of its own.
//
// Whoever reads standard error may stop reading: a pipe to a program that hangs, a terminal that is paused, a full
// disk. The program must go on nevertheless. So lines wait in a queue of bounded size, and those that do not fit are
// dropped and counted. When lines can be written again, one line says how many are missing, in their place.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace probegate {

// Threads: any. Only Flush and the destructor block.
class LogWriter {
 public:
  // The line, with its newline, that says how many lines are missing. Called on the writer's thread.
  using DroppedLine = std::function<std::string(uint64_t dropped)>;

  // Writes to the file descriptor `file`, which must stay open until the program ends. If the system has no thread
  // left, lines are written by Write itself, which then blocks.
  LogWriter(int file, DroppedLine dropped_line);
  // Waits until everything is written, but no longer than `kLastWait`.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // `line` includes the newline. Lines are written in the order of these calls.
  void Write(std::string line);

  // Waits until all lines so far are written, but no longer than `kLastWait`.
  void Flush();

  // How many lines were dropped: because the queue was full, or because of an error of the file, such as a full disk.
  uint64_t dropped() const;

  static constexpr size_t kQueueBytes = size_t{1} << 20;  // of lines that wait to be written
  static constexpr std::chrono::seconds kLastWait{1};

 private:
  struct State;
  // Shared with the thread, which may hang in a write for ever.
  const std::shared_ptr<State> state_;
};

}  // namespace probegate
