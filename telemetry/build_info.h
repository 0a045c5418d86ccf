// Which program this is, as a metric: probegate_build_info{program,version} 1.
#pragma once

#include <string_view>

#include "telemetry/metrics.h"

namespace probegate {

inline constexpr GaugeRow kBuildInfo{
    "probegate_build_info", "Which program this is, and its version; always 1.", {"program", "version"}};

// The series of `program`; /metrics shows it for as long as the caller keeps it.
Gauge ShowBuildInfo(MetricSet& metrics, std::string_view program);

}  // namespace probegate
