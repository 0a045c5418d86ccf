#include "base/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "base/start_thread.h"

namespace probegate {
namespace {

const char* last_words = nullptr;  // set before the handler that reads it

void ExitAtOnce(int) { _exit(1); }

void ExitNow(int) {
  // Standard error may be a pipe that nobody reads. The write then ends with the next alarm.
  struct sigaction at_once{};
  at_once.sa_handler = ExitAtOnce;
  sigaction(SIGALRM, &at_once, nullptr);
  alarm(1);
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, last_words, std::strlen(last_words));
  _exit(1);
}

sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

int NewSignalFile(const sigset_t& set) { return ::signalfd(-1, &set, SFD_CLOEXEC); }

}  // namespace

TerminationSignals::TerminationSignals()
    : set_(SetOf({SIGINT, SIGTERM})), arrived_(NewSignalFile(set_)), cancelled_(::eventfd(0, EFD_CLOEXEC)) {
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int TerminationSignals::Wait() {
  int number = 0;
  if (!arrived_.ok()) return sigwait(&set_, &number) == 0 ? number : SIGTERM;
  std::array<pollfd, 2> files = {{{.fd = arrived_.number(), .events = POLLIN, .revents = 0},
                                  {.fd = cancelled_.number(), .events = POLLIN, .revents = 0}}};
  while (::poll(files.data(), files.size(), -1) < 0 && errno == EINTR) {
  }
  signalfd_siginfo signal{};
  const bool arrived = (files[0].revents & POLLIN) != 0 && ::read(arrived_.number(), &signal, sizeof(signal)) > 0;
  return arrived ? static_cast<int>(signal.ssi_signo) : 0;
}

void TerminationSignals::Cancel() {
  const uint64_t one = 1;
  (void)!::write(cancelled_.number(), &one, sizeof(one));
}

void TerminationSignals::Release() { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

void BlockHangup() {
  const sigset_t set = SetOf({SIGHUP});
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

HangupWatch::HangupWatch(std::function<void()> on_hangup)
    : on_hangup_(std::move(on_hangup)),
      arrived_(NewSignalFile(SetOf({SIGHUP}))),
      stopping_(::eventfd(0, EFD_CLOEXEC)) {}

absl::StatusOr<std::unique_ptr<HangupWatch>> HangupWatch::Start(std::function<void()> on_hangup) {
  std::unique_ptr<HangupWatch> watch(new HangupWatch(std::move(on_hangup)));
  if (!watch->arrived_.ok() || !watch->stopping_.ok()) {
    return absl::ResourceExhaustedError("no file is left to wait for SIGHUP");
  }
  const absl::Status started = StartThread(watch->thread_, "waiting for SIGHUP", [self = watch.get()] { self->Run(); });
  if (!started.ok()) return started;
  return watch;
}

HangupWatch::~HangupWatch() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!::write(stopping_.number(), &one, sizeof(one));
  thread_.join();
}

void HangupWatch::Run() {
  std::array<pollfd, 2> files = {{{.fd = stopping_.number(), .events = POLLIN, .revents = 0},
                                  {.fd = arrived_.number(), .events = POLLIN, .revents = 0}}};
  while (files[0].revents == 0) {
    if (::poll(files.data(), files.size(), -1) < 0) continue;
    signalfd_siginfo signal{};
    if (files[1].revents != 0 && ::read(arrived_.number(), &signal, sizeof(signal)) > 0) on_hangup_();
  }
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void ExitWithin(std::chrono::seconds bound, const char* line) {
  last_words = line;
  struct sigaction action{};
  action.sa_handler = ExitNow;
  action.sa_flags = SA_NODEFER;  // so that ExitNow can be interrupted
  sigaction(SIGALRM, &action, nullptr);
  // Whoever started the program may have blocked it.
  sigset_t alarm_signal;
  sigemptyset(&alarm_signal);
  sigaddset(&alarm_signal, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarm_signal, nullptr);
  alarm(static_cast<unsigned>(bound.count()));
}

}  // namespace probegate
