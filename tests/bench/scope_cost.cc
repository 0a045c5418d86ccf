// What counting and timing adds to a command, in nanoseconds: prints JSON. tests/bench/run.py runs it.
//
// As the server does it: of some 400 counters one, two histograms, and the clock is read as the command is queued, as
// its turn comes, and as it ends.
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

// Nanoseconds a command, on each of `threads` that count in the same metrics at once.
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
