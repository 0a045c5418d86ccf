#include "cli/top/histogram_quantile.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace probegate {

std::vector<uint64_t> Difference(const v1::LatencyHistogram& before, const v1::LatencyHistogram& after) {
  std::vector<uint64_t> counts(after.counts().begin(), after.counts().end());
  const auto& old = before.counts();
  if (old.size() != after.counts_size()) return counts;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < old[static_cast<int>(i)]) return {after.counts().begin(), after.counts().end()};
    counts[i] -= old[static_cast<int>(i)];
  }
  return counts;
}

std::optional<double> Quantile(double q, const v1::LatencyHistogram& bounds, const std::vector<uint64_t>& counts) {
  const auto& upper = bounds.bounds_seconds();
  const uint64_t all = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
  if (all == 0 || upper.empty() || counts.size() <= static_cast<size_t>(upper.size())) return std::nullopt;
  const double rank = q * static_cast<double>(all);
  double below = 0;
  for (int i = 0; i < upper.size(); ++i) {
    const auto here = static_cast<double>(counts[static_cast<size_t>(i)]);
    if (here > 0 && below + here >= rank) {
      const double lower = i == 0 ? 0 : upper[i - 1];
      return lower + (upper[i] - lower) * (rank - below) / here;
    }
    below += here;
  }
  return upper[upper.size() - 1];
}

}  // namespace probegate
