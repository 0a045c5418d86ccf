// One of the programs that a session is made of: it is started, says when it is ready, and is listened to until it
// ends.
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

// The number at {port} of `pattern` in `line`; nothing where the line has no such text.
std::optional<uint16_t> MatchPort(const std::string& line, const std::string& pattern);

// The last that a tool has printed, bounded; and each line as it comes.
class LineTail {
 public:
  // Calls `on_line` for each line that `bytes` complete. A line that is too long is cut.
  void Add(std::string_view bytes, const std::function<void(const std::string&)>& on_line);
  // With a newline between lines. Printable ASCII only.
  std::string Text() const;

 private:
  static constexpr size_t kLines = 8;
  static constexpr size_t kLineBytes = 8192;
  std::deque<std::string> lines_;
  std::string open_;  // a line that is not complete
};

class Stage {
 public:
  // `name`: gateway, gdbserver, gdb. `ready`: as Recipe::ready; empty for what is ready once it runs.
  static absl::StatusOr<Stage> Start(const char* name, const ProcessCommand& command, std::string ready, int input);

  const char* name() const { return name_; }
  Process& process() { return process_; }
  // To be polled; negative, which poll(2) passes over, after its end.
  int output() const { return open_ ? output_.number() : -1; }
  // Where it listens, once it said so.
  std::optional<uint16_t> port() const { return port_; }
  std::chrono::steady_clock::time_point started() const { return started_; }
  const LineTail& tail() const { return tail_; }

  // What it has printed and was not read yet, at most 64 KiB. False at the end of it. Does not block.
  bool Read(std::string& bytes);
  // Looks at what was read, for readiness and for the last lines; `on_line` sees each line.
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
  bool open_ = true;  // output_'s end has not come
  std::string ready_;
  std::optional<uint16_t> port_;
  LineTail tail_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace probegate
