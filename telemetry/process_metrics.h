// Metrics about the process that every program has, with the names that Prometheus' own client libraries use
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics): CPU time, memory, files, threads.
#pragma once

#include "telemetry/metrics.h"

namespace probegate {

// Adds the process_* metrics to `metrics`, for as long as `metrics` lives. Each Expose reads them from /proc/self; a
// metric that cannot be read keeps its last value.
void AddProcessMetrics(MetricSet& metrics);

}  // namespace probegate
