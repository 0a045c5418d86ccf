// The bytes between a client and its gdb, in both directions, with their bounds.
//
// Input goes into gdb's standard input as far as gdb reads it. The rest waits here, and the session takes no further
// input from its client's notes until all of it is written.
//
// Output is read from gdb only if the client has taken the output before it and the rate allows it. Otherwise gdb's
// pipe fills up, and gdb waits.
//
// Threads: the session's. Nothing blocks. SIGPIPE must be ignored.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"
#include "base/quota.h"
#include "debug/debug_metrics.h"
#include "debug/stage.h"

namespace probegate {

class GdbPipe {
 public:
  using Clock = std::chrono::steady_clock;

  // `metrics` must outlive this object.
  GdbPipe(double output_bytes_per_second, const DebugMetrics& metrics)
      : output_bytes_per_second_(output_bytes_per_second), metrics_(metrics) {}

  // Creates gdb's standard input and returns the end from which gdb reads.
  absl::StatusOr<FileDescriptor> OpenInput();
  // gdb reads end-of-file after what has been written.
  void CloseInput() { gdb_input_.reset(); }
  // To be called only if has_input() is false. Input that comes before OpenInput waits. `grant`, the memory that it
  // takes, is given back as it is written.
  void SetInput(std::string bytes, Quota::Grant grant = {});
  bool has_input() const { return !input_.empty(); }
  // To be polled for POLLOUT; negative, which poll(2) ignores, if nothing can be written.
  int input_fd() const { return gdb_input_ && has_input() ? gdb_input_->number() : -1; }
  // Writes as much as gdb takes now.
  void WriteInput();

  // gdb has been started: its output may be read.
  void OpenOutput() { output_open_ = true; }
  // Whether to poll gdb for output and read it. `ignore_rate`: after gdb has ended, what is left in its pipe is all
  // that will come.
  bool MayRead(Clock::time_point now, bool ignore_rate);
  // Reads what gdb has printed; false if that is nothing.
  bool Read(Stage& gdb);
  // Whether MayRead is false only until some of the rate's allowance is back.
  bool IsThrottled() const { return output_open_ && allowance_ <= 0; }
  // Adds output of another program for the client, or drops it if too much is waiting.
  void AddOutput(const std::string& bytes);
  // Some output may still reach the client.
  bool HasOutput() const { return output_open_ || !output_.empty(); }
  // What to send to the client now; nothing if it has not taken what it was sent before.
  std::optional<std::string> NextOutput();
  void OutputTaken() { output_outstanding_ = false; }

  // Written to gdb and read from it.
  uint64_t bytes_in() const { return bytes_in_; }
  uint64_t bytes_out() const { return bytes_out_; }

 private:
  const double output_bytes_per_second_;
  const DebugMetrics& metrics_;

  std::optional<FileDescriptor> gdb_input_;
  std::string input_;
  Quota::Grant input_grant_;
  uint64_t bytes_in_ = 0;

  bool output_open_ = false;
  std::string output_;
  bool output_outstanding_ = false;
  double allowance_ = 0;  // in bytes of output
  Clock::time_point refilled_ = Clock::now();
  uint64_t bytes_out_ = 0;
};

}  // namespace probegate
