// A probe's statistics, as the message that ProbeDirectory.Stats returns.
#pragma once

#include "probegate/v1/probe_directory.pb.h"
#include "server/metrics/probe_stats.h"

namespace probegate {

v1::ProbeStats ToMessage(const ProbeStats& stats);

}  // namespace probegate
