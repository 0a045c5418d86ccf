// The signals that are meant for the command that this program runs, or that end this program.
#pragma once

#include <csignal>

#include "base/file_descriptor.h"

namespace probegate {

class JobSignals {
 public:
  struct Arrived {
    int number;
    bool from_terminal;  // the kernel also sent it to the other processes of this program's group
  };

  // From now on, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are blocked in this thread and in all that are
  // started later, so that Take can take them; except those that this program's parent has set to be ignored. To be
  // constructed before the program starts other threads.
  JobSignals();
  JobSignals(const JobSignals&) = delete;
  JobSignals& operator=(const JobSignals&) = delete;

  // Becomes readable when a signal has arrived.
  int file() const { return file_.number(); }
  // The signal that has arrived.
  Arrived Take() const;

  // What was blocked before: for programs that are started.
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_;
  FileDescriptor file_;
};

}  // namespace probegate
