// Waits with a bound, for a test that cannot go on without what it waits for. Past the bound the program says what did
// not come, and aborts: whatever it is, it may still come, and would refer to variables of a test that is over.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

namespace probegate {

// Far beyond what a loaded machine with sanitizers needs, and below ctest's bound on a whole program.
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

// Asks condition() again and again, until it is true.
template <typename Condition>
void AwaitTrue(Condition condition, const char* what) {
  const auto deadline = std::chrono::steady_clock::now() + kWaitBound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) DidNotCome(what);
    std::this_thread::yield();
  }
}

}  // namespace probegate
