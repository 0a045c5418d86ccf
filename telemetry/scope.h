// Counts and times one operation: a command, a request, a call.
//
// An operation waits, works, and ends in one of several ways, its outcomes. A scope that is destroyed before it was
// told of an outcome counts the one that stands for a failure: what leaves by a path that nobody thought of is not
// counted as a success, and not forgotten.
//
// Threads: one at a time. Costs two histograms' and one counter's additions an operation, well under a microsecond;
// clocks are read by the caller, who mostly has the time at hand.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "telemetry/metrics.h"

namespace probegate {

// Where an operation is counted. Must outlive the scopes.
struct OperationMetrics {
  const std::vector<Counter>& outcomes;  // by number, which the program's tables give; 0 is success
  const Histogram* wait = nullptr;       // how long it waited in all, in seconds; null: nobody asks
  const Histogram* work = nullptr;       // how long it was worked on
  const Counter* failures = nullptr;     // all outcomes but success
};

class OperationScope {
 public:
  using Clock = std::chrono::steady_clock;

  // Counts nothing.
  OperationScope() = default;
  // The operation begins to wait at `now`. `unless_told` is the outcome that is counted where Finish is not called.
  OperationScope(const OperationMetrics& metrics, size_t unless_told, Clock::time_point now)
      : metrics_(&metrics), outcome_(unless_told), since_(now) {}
  OperationScope(OperationScope&& other) noexcept;
  OperationScope& operator=(OperationScope&& other) noexcept;
  ~OperationScope();

  // The wait is over; it has to wait again. Each may come several times.
  void Work(Clock::time_point now) { Turn(true, now); }
  void Wait(Clock::time_point now) { Turn(false, now); }

  // How it went. Nothing is counted after this.
  void Finish(size_t outcome, Clock::time_point now);

  Clock::duration waited() const { return waited_; }
  Clock::duration worked() const { return worked_; }

 private:
  // The plain copy, from which the moves are made.
  OperationScope(const OperationScope&) = default;
  OperationScope& operator=(const OperationScope&) = default;

  void Turn(bool working, Clock::time_point now);

  const OperationMetrics* metrics_ = nullptr;  // null once counted
  size_t outcome_ = 0;
  bool working_ = false;
  Clock::time_point since_;
  Clock::duration waited_{0};
  Clock::duration worked_{0};
};

}  // namespace probegate
