// Reads single series from the text of /metrics, for tests.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "telemetry/metrics.h"

namespace probegate {

// The value of `series` in the text of /metrics, e.g. `probegate_sessions{probe="A1"}` (with the labels sorted by
// name); nothing if there is no such series.
inline std::optional<double> Exposed(std::string_view text, const std::string& series) {
  const std::string line = "\n" + series + " ";
  const size_t at = text.find(line);
  if (at == std::string_view::npos) return std::nullopt;
  return std::strtod(text.data() + at + line.size(), nullptr);
}
inline std::optional<double> Exposed(MetricSet& metrics, const std::string& series) {
  return Exposed(metrics.Expose(), series);
}

// The sum of all series of a metric that has labels.
inline double SumExposed(std::string_view text, const std::string& metric) {
  double sum = 0;
  const std::string begin = "\n" + metric + "{";
  for (size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1)) {
    sum += std::strtod(text.data() + text.find("} ", at) + 2, nullptr);
  }
  return sum;
}
inline double SumExposed(MetricSet& metrics, const std::string& metric) { return SumExposed(metrics.Expose(), metric); }

}  // namespace probegate
