// Quantiles of a server's latency histograms.
#pragma once

#include <optional>
#include <vector>

#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// How many fell into each bucket between two answers. Where they were counted anew in between, as after a restart of
// the server, all of `after`.
std::vector<uint64_t> Difference(const v1::LatencyHistogram& before, const v1::LatencyHistogram& after);

// The seconds below which a share `q` (0 to 1) of `counts` lies, interpolated within the bucket as Prometheus'
// histogram_quantile does: evenly from its lower bound, 0 for the first; what lies above the last bound is taken as it.
// Nothing where nothing was counted, or where there are not more counts than bounds.
std::optional<double> Quantile(double q, const v1::LatencyHistogram& bounds, const std::vector<uint64_t>& counts);

}  // namespace probegate
