// What a set of metrics shows.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "telemetry/metrics.h"

namespace probegate {

// The value of `series`, e.g. `probegate_sessions{probe="A1"}` (labels in the order of their names); nothing where
// there is no such series.
inline std::optional<double> Exposed(MetricSet& metrics, const std::string& series) {
  const std::string text = "\n" + metrics.Expose();
  const size_t at = text.find("\n" + series + " ");
  if (at == std::string::npos) return std::nullopt;
  return std::stod(text.substr(at + series.size() + 2));
}

// The sum of all series of a metric.
inline double SumExposed(MetricSet& metrics, const std::string& name) {
  const std::string text = "\n" + metrics.Expose();
  double sum = 0;
  for (size_t at = text.find("\n" + name + "{"); at != std::string::npos; at = text.find("\n" + name + "{", at + 1)) {
    sum += std::stod(text.substr(text.find("} ", at) + 2));
  }
  return sum;
}

}  // namespace probegate
