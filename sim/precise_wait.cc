#include "sim/precise_wait.h"

#include <sys/prctl.h>

#include <ctime>

namespace probegate::sim {
namespace {

// About how much too late a sleep ends on an idle machine.
constexpr std::chrono::microseconds kSpin{20};

}  // namespace

void UsePreciseSleep() { prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }

// std::chrono::steady_clock counts CLOCK_MONOTONIC.
void WaitUntil(std::chrono::steady_clock::time_point deadline) {
  const auto wake = (deadline - kSpin).time_since_epoch();
  if (deadline - kSpin > std::chrono::steady_clock::now()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wake);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(wake - seconds);
    const timespec until = {.tv_sec = seconds.count(), .tv_nsec = rest.count()};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
  while (std::chrono::steady_clock::now() < deadline) {
  }
}

}  // namespace probegate::sim
