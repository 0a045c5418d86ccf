// What the server knows of a probe in numbers, as ProbeDirectory.Stats says it.
#pragma once

#include "probegate/v1/probe_directory.pb.h"
#include "server/metrics/probe_stats.h"

namespace probegate {

v1::ProbeStats ToMessage(const ProbeStats& stats);

}  // namespace probegate
