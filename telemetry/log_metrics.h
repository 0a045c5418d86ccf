// How many lines of a program's log are missing, as a metric.
#pragma once

#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace probegate {

// Adds probegate_log_dropped_total to `metrics`, for as long as `metrics` lives. `log` must outlive every Expose.
void AddLogMetrics(MetricSet& metrics, const Log& log);

}  // namespace probegate
