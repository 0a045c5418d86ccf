#include "cli/board/job_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace probegate {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

sigset_t Wanted() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kSignals) {
    struct sigaction action{};
    ::sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&set, number);
  }
  return set;
}

int Block(sigset_t& before) {
  const sigset_t set = Wanted();
  pthread_sigmask(SIG_BLOCK, &set, &before);
  return ::signalfd(-1, &set, SFD_CLOEXEC);
}

}  // namespace

JobSignals::JobSignals() : file_(Block(before_)) {}

JobSignals::Arrived JobSignals::Take() const {
  signalfd_siginfo signal{};
  if (::read(file_.number(), &signal, sizeof signal) != sizeof signal) return {SIGTERM, false};
  return {.number = static_cast<int>(signal.ssi_signo), .from_terminal = signal.ssi_code == SI_KERNEL};
}

}  // namespace probegate
