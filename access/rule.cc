#include "access/rule.h"

#include <algorithm>

#include "access/glob.h"

namespace probegate {

bool Rule::Names(const Identity& identity) const {
  if (identity.proof != who.proof) return false;
  if (identity.proof != Proof::kIssuer) return MatchesOneGlob(who.names, identity.name);
  if (std::find(who.names.begin(), who.names.end(), identity.issuer) == who.names.end()) return false;
  return std::all_of(who.claims.begin(), who.claims.end(), [&identity](const auto& wanted) {
    const auto claim = identity.claims.find(wanted.first);
    return claim != identity.claims.end() &&
           std::any_of(claim->second.begin(), claim->second.end(),
                       [&wanted](const std::string& value) { return MatchesOneGlob(wanted.second, value); });
  });
}

bool Rule::Covers(const ProbeNames& probe) const {
  return std::all_of(probes.begin(), probes.end(), [&probe](const auto& wanted) {
    if (wanted.first == kUidKey) return MatchesOneGlob(wanted.second, probe.uid, Case::kIgnored);
    const auto label = probe.labels.find(wanted.first);
    return label != probe.labels.end() && MatchesOneGlob(wanted.second, label->second, Case::kIgnored);
  });
}

}  // namespace probegate
