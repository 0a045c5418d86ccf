// Quantiles of a server's latency histograms.
#pragma once

#include <optional>
#include <vector>

#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// How many values fell into each bucket between two answers. If the counts were reset in between, for example by a
// restart of the server: all of `after`.
std::vector<uint64_t> Difference(const v1::LatencyHistogram& before, const v1::LatencyHistogram& after);

// The number of seconds below which a fraction `q` (0 to 1) of `counts` lies. It is interpolated within the bucket as
// Prometheus' histogram_quantile does: linearly from the bucket's lower bound, which is 0 for the first bucket. Values
// above the last bound count as equal to it. Nothing if nothing was counted, or if there are not more counts than
// bounds.
std::optional<double> Quantile(double q, const v1::LatencyHistogram& bounds, const std::vector<uint64_t>& counts);

}  // namespace probegate
