#include "base/signals.h"

#include <unistd.h>

#include <cstring>

namespace probegate {
namespace {

const char* last_words = nullptr;  // set before the handler that reads it

void ExitNow(int) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, last_words, std::strlen(last_words));
  _exit(1);
}

}  // namespace

TerminationSignals::TerminationSignals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int TerminationSignals::Wait() {
  int signal = 0;
  while (sigwait(&set_, &signal) != 0) {
  }
  return signal;
}

void TerminationSignals::Release() { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

void ExitWithin(std::chrono::seconds bound, const char* line) {
  last_words = line;
  std::signal(SIGALRM, ExitNow);
  alarm(static_cast<unsigned>(bound.count()));
}

}  // namespace probegate
