// Which of the probes there are the operator has asked for by --uid.
//
// A whole unique id names its probe whenever that is there. A part names the one probe that has it, and who says a part
// means that no other has it: so it counts once everybody has been heard of who may have another. What a part was taken
// for stays, so that a probe that comes later takes nobody's port; a whole id that comes later is right all the same.
// Letters of either case are the same.
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
  // `patterns` are unique ids, or parts of them unless `whole`. None: every probe.
  ProbeChoice(std::vector<std::string> patterns, bool whole) : patterns_(std::move(patterns)), whole_(whole) {}

  struct Result {
    std::set<std::string> chosen;  // unique ids
    // Patterns that name nobody yet, and among them those that cannot be told yet, since somebody may still be heard
    // of.
    std::vector<std::string> missing;
    std::vector<std::string> undecided;
    // Patterns that name several, with these: none of them is chosen.
    std::map<std::string, std::vector<std::string>> ambiguous;
  };

  // `known`: unique ids. `all_heard_of`: there is nobody else who may have probes.
  Result Choose(const std::set<std::string>& known, bool all_heard_of);

  bool everything() const { return patterns_.empty(); }

 private:
  const std::vector<std::string> patterns_;
  const bool whole_;
  std::map<std::string, std::string> taken_;  // what each part was taken for
};

}  // namespace probegate
