// What every program tells of itself as a process, under the names that Prometheus' own client libraries use
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics): processor time, memory, files,
// threads.
#pragma once

#include "telemetry/metrics.h"

namespace probegate {

// Adds the process_* metrics to `metrics`, for as long as it lives. Each Expose reads them anew from /proc/self; what
// cannot be read there keeps its last value.
void AddProcessMetrics(MetricSet& metrics);

}  // namespace probegate
