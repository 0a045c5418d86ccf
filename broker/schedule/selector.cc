#include "broker/schedule/selector.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "access/glob.h"

namespace probegate::broker {

bool Selector::Fits(const ProbeNames& probe) const {
  return std::all_of(labels.begin(), labels.end(), [&probe](const auto& wanted) {
    if (wanted.first == kUidKey) return MatchesGlob(wanted.second, probe.uid, Case::kIgnored);
    const auto label = probe.labels.find(wanted.first);
    return label != probe.labels.end() && MatchesGlob(wanted.second, label->second, Case::kIgnored);
  });
}

uint32_t CountOf(const std::vector<Selector>& selectors) {
  return std::accumulate(selectors.begin(), selectors.end(), uint32_t{0},
                         [](uint32_t sum, const Selector& selector) { return sum + selector.count; });
}

std::string KeyOf(const std::vector<Selector>& selectors) {
  std::string key;
  for (const Selector& selector : selectors) {
    absl::StrAppend(&key, selector.count, ";", selector.labels.size(), ";");
    for (const auto& [name, value] : selector.labels) {
      absl::StrAppend(&key, name.size(), ":", name, value.size(), ":", value);
    }
  }
  return key;
}

}  // namespace probegate::broker
