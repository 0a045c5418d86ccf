#include "debug/probe_choice.h"

#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

namespace probegate {
namespace {

struct PropertyRow {
  const char* key;
  std::string (*value)(const v1::ProbeStatus&);
};
constexpr PropertyRow kProperties[] = {
    {"unique_id", [](const v1::ProbeStatus& probe) { return probe.description().unique_id(); }},
    {"vendor", [](const v1::ProbeStatus& probe) { return probe.description().vendor_name(); }},
    {"product", [](const v1::ProbeStatus& probe) { return probe.description().product_name(); }},
    {"description", [](const v1::ProbeStatus& probe) { return probe.description().description(); }},
    {"firmware", [](const v1::ProbeStatus& probe) { return probe.description().firmware_version(); }},
    {"location", [](const v1::ProbeStatus& probe) { return probe.location(); }},
};

constexpr const PropertyRow& kUniqueId = kProperties[0];

absl::StatusOr<const PropertyRow*> FindProperty(const std::string& key) {
  std::vector<std::string> keys;
  for (const PropertyRow& row : kProperties) {
    if (absl::EqualsIgnoreCase(key, row.key)) return &row;
    keys.emplace_back(row.key);
  }
  return absl::InvalidArgumentError("port: probes have no such property; use one of " + absl::StrJoin(keys, ", "));
}

bool IsAway(const KnownProbe& probe) { return probe.status.state() == v1::PROBE_STATE_AWAY; }

const std::string& UniqueId(const KnownProbe& probe) { return probe.status.description().unique_id(); }

// Each probe as the server that has it reports it. A probe that is away on every server that knows it is listed once.
std::vector<const KnownProbe*> WithoutLeftovers(const ProbeList& list) {
  std::vector<const KnownProbe*> probes;
  std::set<std::string> known;
  for (const KnownProbe& probe : list.probes) {
    if (IsAway(probe)) continue;
    probes.push_back(&probe);
    known.insert(UniqueId(probe));
  }
  for (const KnownProbe& probe : list.probes) {
    if (IsAway(probe) && known.insert(UniqueId(probe)).second) probes.push_back(&probe);
  }
  return probes;
}

absl::Status NotFound(const std::vector<const KnownProbe*>& probes, const std::string& gap) {
  std::set<std::string> known;
  for (const KnownProbe* probe : probes) known.insert(UniqueId(*probe));
  const std::string why =
      "no probe matches port; the known probes are: " + (known.empty() ? "none" : absl::StrJoin(known, ", "));
  return gap.empty() ? absl::NotFoundError(why) : absl::UnavailableError(why + "; " + gap);
}

absl::Status Several(const std::vector<const KnownProbe*>& matches) {
  std::set<std::string> ids, servers;
  for (const KnownProbe* probe : matches) {
    ids.insert(UniqueId(*probe));
    servers.insert(probe->server);
  }
  if (ids.size() == 1) {
    return absl::FailedPreconditionError("port is ambiguous: several servers have a probe with the unique ID " +
                                         *ids.begin() + ": " + absl::StrJoin(servers, ", "));
  }
  return absl::InvalidArgumentError("port is ambiguous: it matches " + absl::StrJoin(ids, ", ") +
                                    "; use a unique ID instead");
}

}  // namespace

absl::StatusOr<std::string> ChooseProbe(const std::string& port, const ProbeList& list) {
  if (port.empty()) return absl::InvalidArgumentError("port is empty; it must name the probe");
  const size_t equals = port.find('=');
  const PropertyRow* property = &kUniqueId;
  if (equals != std::string::npos) {
    const auto found = FindProperty(port.substr(0, equals));
    if (!found.ok()) return found.status();
    property = *found;
  }
  if (property != &kUniqueId && !list.gap.empty()) {
    return absl::UnavailableError("port may match a probe of a server that did not answer; use a unique ID instead; " +
                                  list.gap);
  }
  const std::string value = equals == std::string::npos ? port : port.substr(equals + 1);
  const std::vector<const KnownProbe*> probes = WithoutLeftovers(list);
  std::vector<const KnownProbe*> matches;
  for (const KnownProbe* probe : probes) {
    if (absl::EqualsIgnoreCase(property->value(probe->status), value)) matches.push_back(probe);
  }
  if (matches.empty()) return NotFound(probes, list.gap);
  if (matches.size() > 1) return Several(matches);
  const std::string& unique_id = UniqueId(*matches.front());
  if (IsAway(*matches.front())) {
    const std::string why = "probe " + unique_id + " is away";
    return absl::UnavailableError(list.gap.empty() ? why : why + "; " + list.gap);
  }
  return unique_id;
}

}  // namespace probegate
