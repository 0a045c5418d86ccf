// One of the programs that a session consists of. It is started, prints when it is ready, and its output is read until
// it ends.
//
// Threads: the session's.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "debug/process.h"

namespace probegate {

// The number in `line` at the place of {port} in `pattern`; nothing if the line does not contain the pattern.
std::optional<uint16_t> MatchPort(const std::string& line, const std::string& pattern);

// Splits a program's output into lines, and keeps the last few of them.
class LineTail {
 public:
  // Calls `on_line` for each line that `bytes` complete. A line that is too long is truncated.
  void Add(std::string_view bytes, const std::function<void(const std::string&)>& on_line);
  // The last lines, separated by newlines. Other characters than printable ASCII become '?'.
  std::string Text() const;

 private:
  static constexpr size_t kLines = 8;
  static constexpr size_t kLineBytes = 8192;
  std::deque<std::string> lines_;
  std::string open_;  // a line whose end has not come yet
};

class Stage {
 public:
  // `name`: gateway, gdbserver or gdb. `ready`: as Recipe::ready; empty if the program does not print a port.
  static absl::StatusOr<Stage> Start(const char* name, const ProcessCommand& command, std::string ready, int input);

  const char* name() const { return name_; }
  Process& process() { return process_; }
  // To be polled for POLLIN; negative, which poll(2) ignores, after the end of the output.
  int output() const { return open_ ? output_.number() : -1; }
  // The port on which the program listens, once it has printed it.
  std::optional<uint16_t> port() const { return port_; }
  std::chrono::steady_clock::time_point started() const { return started_; }
  const LineTail& tail() const { return tail_; }

  // Reads what the program has printed since the last call, at most 64 KiB. False at the end of the output. Does not
  // block.
  bool Read(std::string& bytes);
  // Searches what was read for the port and keeps the last lines. Calls `on_line` for each line.
  void Look(std::string_view bytes, const std::function<void(const std::string&)>& on_line);
  // Sends `signal` to the program's group and blocks until the program has ended, at most for `patience`. What it
  // prints meanwhile is dropped, so that it cannot hang because nothing reads its output. The destructor kills what is
  // left.
  void End(int signal, std::chrono::milliseconds patience);

 private:
  Stage(const char* name, Process process, FileDescriptor output, std::string ready)
      : name_(name), process_(std::move(process)), output_(std::move(output)), ready_(std::move(ready)) {}

  const char* name_;
  Process process_;
  FileDescriptor output_;
  bool open_ = true;  // the end of output_ has not been reached
  std::string ready_;
  std::optional<uint16_t> port_;
  LineTail tail_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace probegate
