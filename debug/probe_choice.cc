#include "debug/probe_choice.h"

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "debug/quoted.h"

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

std::string Quoted(const PortName& name) { return name.field + " " + probegate::Quoted(name.value); }

using ValueOf = std::function<std::string(const v1::ProbeStatus&)>;

// What `key` stands for: a property, or a label that one of the probes has.
absl::StatusOr<ValueOf> FindValue(const PortName& name, const std::string& key,
                                  const std::vector<const KnownProbe*>& probes) {
  std::vector<std::string> keys;
  for (const PropertyRow& row : kProperties) {
    if (absl::EqualsIgnoreCase(key, row.key)) return ValueOf(row.value);
    keys.emplace_back(row.key);
  }
  const auto label = [key](const v1::ProbeStatus& probe) {
    const auto found = probe.description().labels().find(key);
    return found == probe.description().labels().end() ? std::string() : found->second;
  };
  const bool is_label =
      std::any_of(probes.begin(), probes.end(), [&](const KnownProbe* probe) { return !label(probe->status).empty(); });
  if (is_label) return ValueOf(label);
  return absl::InvalidArgumentError(Quoted(name) + ": probes have no such property or label; use a unique ID, or a " +
                                    "label or one of " + absl::StrJoin(keys, ", ") + " as key=value");
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

absl::Status NotFound(const std::vector<PortName>& port, const std::vector<const KnownProbe*>& probes,
                      const std::string& gap) {
  std::vector<std::string> names;
  for (const PortName& name : port) names.push_back(Quoted(name));
  std::set<std::string> known;
  for (const KnownProbe* probe : probes) known.insert(UniqueId(*probe));
  const std::string why = "no probe matches " + absl::StrJoin(names, " or ") +
                          "; the known probes are: " + (known.empty() ? "none" : absl::StrJoin(known, ", "));
  return gap.empty() ? absl::NotFoundError(why) : absl::UnavailableError(why + "; " + gap);
}

absl::Status Several(const PortName& name, const std::vector<const KnownProbe*>& matches) {
  std::set<std::string> ids, servers;
  for (const KnownProbe* probe : matches) {
    ids.insert(UniqueId(*probe));
    servers.insert(probe->server);
  }
  if (ids.size() == 1) {
    return absl::FailedPreconditionError(Quoted(name) + " is ambiguous: several servers have a probe with the unique " +
                                         "ID " + *ids.begin() + ": " + absl::StrJoin(servers, ", "));
  }
  return absl::InvalidArgumentError(Quoted(name) + " is ambiguous: it matches " + absl::StrJoin(ids, ", ") +
                                    "; use a unique ID instead");
}

// The probe that `name` names, or null if no probe of the list matches.
absl::StatusOr<const KnownProbe*> Match(const PortName& name, const std::vector<const KnownProbe*>& probes,
                                        const std::string& gap) {
  const size_t equals = name.value.find('=');
  const std::string key = equals == std::string::npos ? kUniqueId.key : name.value.substr(0, equals);
  const auto value_of = FindValue(name, key, probes);
  if (!value_of.ok()) return value_of.status();
  if (!absl::EqualsIgnoreCase(key, kUniqueId.key) && !gap.empty()) {
    return absl::UnavailableError(Quoted(name) + " may match a probe of a server that did not answer; use a unique " +
                                  "ID instead; " + gap);
  }
  const std::string value = equals == std::string::npos ? name.value : name.value.substr(equals + 1);
  std::vector<const KnownProbe*> matches;
  for (const KnownProbe* probe : probes) {
    if (!value.empty() && absl::EqualsIgnoreCase((*value_of)(probe->status), value)) matches.push_back(probe);
  }
  if (matches.size() > 1) return Several(name, matches);
  return matches.empty() ? nullptr : matches.front();
}

}  // namespace

absl::StatusOr<std::string> ChooseProbe(const std::vector<PortName>& port, const ProbeList& list) {
  const std::vector<const KnownProbe*> probes = WithoutLeftovers(list);
  for (const PortName& name : port) {
    const auto match = Match(name, probes, list.gap);
    if (!match.ok()) return match.status();
    if (*match == nullptr) continue;
    const std::string& unique_id = UniqueId(**match);
    if (!IsAway(**match)) return unique_id;
    const std::string why = "probe " + unique_id + ", which " + Quoted(name) + " names, is away";
    return absl::UnavailableError(list.gap.empty() ? why : why + "; " + list.gap);
  }
  return NotFound(port, probes, list.gap);
}

}  // namespace probegate
