#include "telemetry/build_info.h"

namespace probegate {

Gauge ShowBuildInfo(MetricSet& metrics, std::string_view program) {
  Gauge info(metrics, kBuildInfo, {program, PROBEGATE_VERSION});
  info.Set(1);
  return info;
}

}  // namespace probegate
