#include "gateway/probe_choice.h"

#include <algorithm>
#include <utility>

#include "base/ignoring_case.h"

namespace probegate {
namespace {

std::vector<std::string> Matches(const std::string& part, const std::set<std::string>& known) {
  std::vector<std::string> matches;
  for (const std::string& unique_id : known) {
    if (ContainsIgnoringCase(unique_id, part)) matches.push_back(unique_id);
  }
  return matches;
}

}  // namespace

ProbeChoice::Result ProbeChoice::Choose(const std::set<std::string>& known, bool all_heard_of) {
  Result result;
  if (everything()) result.chosen = known;
  for (const std::string& pattern : patterns_) {
    const auto whole = std::find_if(known.begin(), known.end(), [&](const std::string& unique_id) {
      return EqualsIgnoringCase(unique_id, pattern);
    });
    if (whole != known.end()) {
      result.chosen.insert(*whole);
      continue;
    }
    if (const auto taken = taken_.find(pattern); taken != taken_.end()) {
      result.chosen.insert(taken->second);
      continue;
    }
    std::vector<std::string> matches = whole_ ? std::vector<std::string>() : Matches(pattern, known);
    if (matches.size() > 1) {
      result.ambiguous.emplace(pattern, std::move(matches));
    } else if (matches.size() == 1 && all_heard_of) {
      taken_[pattern] = matches.front();
      result.chosen.insert(matches.front());
    } else {
      result.missing.push_back(pattern);
      if (!matches.empty()) result.undecided.push_back(pattern);
    }
  }
  return result;
}

}  // namespace probegate
