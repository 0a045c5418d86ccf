// Counts and times one operation: a command, a request, a call.
//
// An operation waits, is worked on, and ends with one of several outcomes. A scope that is destroyed before it was told
// the outcome counts a failure: an operation that ends on a path that was not thought of is neither counted as a
// success nor forgotten.
//
// Threads: one at a time. Each operation costs the additions to two histograms and one counter, which take well under a
// microsecond. The caller reads the clock, since it usually knows the time already.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "telemetry/metrics.h"

namespace probegate {

// The metrics in which an operation is counted. They must outlive the scopes.
struct OperationMetrics {
  const std::vector<Counter>& outcomes;  // by the outcome's number in the program's table; 0 is success
  const Histogram* wait = nullptr;       // how long it waited in all, in seconds; null: not recorded
  const Histogram* work = nullptr;       // how long it was worked on, in seconds; null: not recorded
  const Counter* failures = nullptr;     // all outcomes except success; null: not counted
};

class OperationScope {
 public:
  using Clock = std::chrono::steady_clock;

  // A scope that counts nothing.
  OperationScope() = default;
  // The operation begins to wait at `now`. `unless_told` is the outcome that is counted if Finish is not called.
  OperationScope(const OperationMetrics& metrics, size_t unless_told, Clock::time_point now)
      : metrics_(&metrics), outcome_(unless_told), since_(now) {}
  OperationScope(OperationScope&& other) noexcept;
  OperationScope& operator=(OperationScope&& other) noexcept;
  ~OperationScope();

  // From `now` on, the operation is worked on, or waits again. Each may be called several times.
  void Work(Clock::time_point now) { Turn(true, now); }
  void Wait(Clock::time_point now) { Turn(false, now); }

  // The operation has ended with `outcome`. Nothing is counted after this.
  void Finish(size_t outcome, Clock::time_point now);

  Clock::duration waited() const { return waited_; }
  Clock::duration worked() const { return worked_; }

 private:
  // Plain copies, with which the move operations are implemented.
  OperationScope(const OperationScope&) = default;
  OperationScope& operator=(const OperationScope&) = default;

  void Turn(bool working, Clock::time_point now);

  const OperationMetrics* metrics_ = nullptr;  // null once the operation has been counted
  size_t outcome_ = 0;
  bool working_ = false;
  Clock::time_point since_;
  Clock::duration waited_{0};
  Clock::duration worked_{0};
};

}  // namespace probegate
