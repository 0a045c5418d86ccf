// Waiting for the signals that ask a program to end.
#pragma once

#include <chrono>
#include <csignal>

namespace probegate {

// SIGINT and SIGTERM wait to be taken with Wait, in every thread that is started after this was made: a program makes
// one first thing in main. SIGPIPE is ignored, since a peer that leaves is an error like others.
class TerminationSignals {
 public:
  TerminationSignals();
  TerminationSignals(const TerminationSignals&) = delete;
  TerminationSignals& operator=(const TerminationSignals&) = delete;

  // Blocks until one of them comes, and returns its number.
  int Wait();

  // From here on a signal ends the program at once: for a second Ctrl-C, while the program is ending.
  void Release();

 private:
  sigset_t set_;
};

// Ends the program with exit code 1 once `bound` has passed from now, and writes `line` (with its newline; it must live
// for ever) to standard error: for the end of a program, which may hang where nothing else can help.
void ExitWithin(std::chrono::seconds bound, const char* line);

}  // namespace probegate
