// What a program shows at /metrics, for tests that ask after single series.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

namespace probegate {

// The value of a series as it stands in `text`, labels and all, e.g. `x_total{direction="in"}`; -1 where it is not
// there.
inline double Exposed(std::string_view text, const std::string& series) {
  const std::string line = "\n" + series + " ";
  const size_t at = text.find(line);
  return at == std::string_view::npos ? -1 : std::strtod(text.data() + at + line.size(), nullptr);
}

// The sum of all series of a metric.
inline double ExposedSum(std::string_view text, const std::string& metric) {
  double sum = 0;
  const std::string begin = "\n" + metric + "{";
  for (size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1)) {
    sum += std::strtod(text.data() + text.find("} ", at) + 2, nullptr);
  }
  return sum;
}

}  // namespace probegate
