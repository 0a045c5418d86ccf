// Measures how many nanoseconds counting and timing add to a command, and prints JSON. tests/bench/run.py runs it.
//
// It does what the server does: it updates one of about 400 counters and two histograms, and reads the clock when the
// command is queued, when its turn comes, and when it ends.
#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/metrics.h"
#include "telemetry/scope.h"

namespace probegate {
namespace {

using Clock = OperationScope::Clock;

constexpr int kCommands = 1'000'000;
constexpr size_t kOutcomes = 400;
constexpr CounterRow kOutcome{"commands_total", "Commands.", {"outcome"}};
constexpr HistogramRow kWait{"wait_seconds", "Wait.", kLatencyBounds};
constexpr HistogramRow kWork{"work_seconds", "Work.", kLatencyBounds};

// Nanoseconds per command, on each of `threads` threads that use the same metrics at the same time.
double Cost(int threads) {
  MetricSet set;
  std::vector<Counter> outcomes;
  for (size_t i = 0; i < kOutcomes; ++i) outcomes.emplace_back(set, kOutcome, LabelValues{std::to_string(i)});
  const Histogram wait(set, kWait);
  const Histogram work(set, kWork);
  const OperationMetrics metrics{outcomes, &wait, &work};
  std::vector<double> costs(threads);
  {
    std::vector<std::jthread> running;
    for (double& cost : costs) {
      running.emplace_back([&cost, &metrics] {
        const Clock::time_point start = Clock::now();
        for (size_t i = 0; i < kCommands; ++i) {
          OperationScope scope(metrics, 1, Clock::now());
          scope.Work(Clock::now());
          scope.Finish(i % kOutcomes, Clock::now());
        }
        cost = std::chrono::duration<double, std::nano>(Clock::now() - start).count() / kCommands;
      });
    }
  }
  return *std::ranges::max_element(costs);
}

}  // namespace
}  // namespace probegate

int main() {
  const double one = probegate::Cost(1);
  std::printf("{\"one_thread_ns\": %.1f, \"two_threads_ns\": %.1f}\n", one, probegate::Cost(2));
}
