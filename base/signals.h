// How a program receives the signals that ask it to end, and how its other threads do not.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"

namespace probegate {

// From the construction on, SIGINT and SIGTERM are blocked in the calling thread, and in all threads started later, so
// that Wait can take them. A program should construct this at the beginning of main. SIGPIPE is ignored, because a peer
// that disconnects should be an error like any other.
class TerminationSignals {
 public:
  TerminationSignals();
  TerminationSignals(const TerminationSignals&) = delete;
  TerminationSignals& operator=(const TerminationSignals&) = delete;

  // Blocks until one of the two signals arrives, and returns its number; or until Cancel is called, and returns 0.
  int Wait();

  // Ends Wait, now or when it is called. Threads: any.
  void Cancel();

  // From now on, a signal ends the program at once: for a second Ctrl-C while the program is shutting down.
  void Release();

 private:
  sigset_t set_;
  FileDescriptor arrived_;
  FileDescriptor cancelled_;
};

// For a program that opens its files again on SIGHUP, which otherwise ends it. From now on, SIGHUP is blocked in the
// calling thread, and in all threads started later; HangupWatch takes it. To be called before any thread is started.
void BlockHangup();

// Waits for SIGHUP on a thread of its own.
class HangupWatch {
 public:
  // Calls `on_hangup` after each SIGHUP, also after one that came between BlockHangup, which must have been called, and
  // this. RESOURCE_EXHAUSTED if the system has no thread or file left.
  static absl::StatusOr<std::unique_ptr<HangupWatch>> Start(std::function<void()> on_hangup);
  // Waits for `on_hangup` if it is being called.
  ~HangupWatch();
  HangupWatch(const HangupWatch&) = delete;
  HangupWatch& operator=(const HangupWatch&) = delete;

 private:
  explicit HangupWatch(std::function<void()> on_hangup);
  void Run();

  const std::function<void()> on_hangup_;
  const FileDescriptor arrived_;
  const FileDescriptor stopping_;
  std::thread thread_;
};

// Threads that are started while this object lives receive no signals, because the program waits for them elsewhere.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// If the program is still running after `bound`, writes `line` to standard error and ends the program with exit code 1.
// For a program's shutdown, which may hang in a way that nothing else can end. If standard error does not take the line
// within a second, the program ends without it. `line` includes the newline, and must stay valid forever.
void ExitWithin(std::chrono::seconds bound, const char* line);

}  // namespace probegate
