// Labels of probes: names and values by which one or several can be chosen.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/ignoring_case.h"

namespace probegate {

using Labels = std::map<std::string, std::string>;

// Whether `labels` has all of `wanted`; both are maps of texts to texts. Case does not matter in values.
template <typename Map, typename WantedMap>
bool HasLabels(const Map& labels, const WantedMap& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&labels](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && EqualsIgnoringCase(found->second, label.second);
  });
}

// Takes KEY=VALUE apart, at the first '='. Nothing if there is none, or no key.
std::optional<std::pair<std::string, std::string>> ParseLabel(const std::string& text);

// "KEY=VALUE, KEY=VALUE".
std::string ToText(const Labels& labels);

}  // namespace probegate
