#include "telemetry/log_metrics.h"

#include <memory>

namespace probegate {
namespace {

constexpr CounterRow kDropped{
    "probegate_log_dropped_total",
    "Lines of the log that were dropped because standard error was not read or not writable."};

}  // namespace

void AddLogMetrics(MetricSet& metrics, const Log& log) {
  metrics.BeforeExpose([&log, dropped = std::make_shared<Counter>(metrics, kDropped)] {
    dropped->Add(static_cast<double>(log.dropped()) - dropped->value());
  });
}

}  // namespace probegate
