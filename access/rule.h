// A rule of the access file: what whom it names may do, and with which probes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "access/identity.h"
#include "access/limits.h"
#include "access/rights.h"
#include "base/labels.h"

namespace probegate {

// A probe, as rules see it.
struct ProbeNames {
  std::string uid;
  Labels labels;
};

struct Rule {
  // Whom it names: identities with this proof. A name must match one of the patterns in `names`; for Proof::kIssuer it
  // is the issuer, which must be one of them exactly, and the claims must match, too.
  struct Who {
    Proof proof = Proof::kLocal;
    std::vector<std::string> names;
    // For each claim, patterns; one of them must match one of the claim's values.
    std::map<std::string, std::vector<std::string>> claims;
  };

  std::string name;  // for people and for the audit: "bench (line 12)", or "line 12" if the file gives it no name
  Who who;
  // Label, or "uid", and patterns; one of them must match, for each. Empty: all probes. Case does not matter.
  std::map<std::string, std::vector<std::string>> probes;
  RightSet may;
  Limits limits;

  bool Names(const Identity& identity) const;
  bool Covers(const ProbeNames& probe) const;
};

// The key of Rule::probes that is not a label but the unique ID.
inline constexpr std::string_view kUidKey = "uid";

}  // namespace probegate
