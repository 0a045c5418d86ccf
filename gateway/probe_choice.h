// Selects the probes that the operator asked for with --uid.
//
// A whole unique ID selects its probe as soon as that is there. A partial ID must match exactly one probe, so it
// selects none until every server that may have another match has sent its list. From then on it keeps selecting the
// same probe even if others appear that match, so that those never get its port. The exception is a probe whose whole
// unique ID is the pattern: it is selected whenever it appears. Matching ignores case.
//
// Threads: one at a time. Pure.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace probegate {

class ProbeChoice {
 public:
  // `patterns` are unique IDs or, unless `whole`, parts of them. If there are none, every probe is selected.
  ProbeChoice(std::vector<std::string> patterns, bool whole) : patterns_(std::move(patterns)), whole_(whole) {}

  struct Result {
    std::set<std::string> chosen;  // unique IDs
    // Patterns that select no probe yet.
    std::vector<std::string> missing;
    // Those of `missing` that match one probe, but may also match a probe that is not known yet.
    std::vector<std::string> undecided;
    // Patterns that match several probes, with the unique IDs of these. None of them is chosen.
    std::map<std::string, std::vector<std::string>> ambiguous;
  };

  // `known`: the unique IDs of the known probes. `all_heard_of`: no other server may have further probes.
  Result Choose(const std::set<std::string>& known, bool all_heard_of);

  bool everything() const { return patterns_.empty(); }

 private:
  const std::vector<std::string> patterns_;
  const bool whole_;
  std::map<std::string, std::string> taken_;  // the unique ID that each partial ID has selected
};

}  // namespace probegate
