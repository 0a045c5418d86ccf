// Waits with a bound, for tests that cannot continue without the result. At the bound, the program prints what it
// waited for, and aborts. It does not go on with other tests, because the late result might refer to variables of this
// one.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

namespace probegate {

// Far longer than a loaded machine with sanitizers needs, and shorter than ctest's bound on a whole program.
inline constexpr std::chrono::seconds kWaitBound{60};

[[noreturn]] inline void DidNotCome(const char* what) {
  std::fprintf(stderr, "not within %lld s: %s\n", static_cast<long long>(kWaitBound.count()), what);
  std::abort();
}

// The future's result. `what` completes "not within 60 s: ".
template <typename Result>
Result Awaited(std::future<Result> future, const char* what) {
  if (future.wait_for(kWaitBound) != std::future_status::ready) DidNotCome(what);
  return future.get();
}

// Calls condition() repeatedly until it returns true.
template <typename Condition>
void AwaitTrue(Condition condition, const char* what) {
  const auto deadline = std::chrono::steady_clock::now() + kWaitBound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) DidNotCome(what);
    std::this_thread::yield();
  }
}

}  // namespace probegate
