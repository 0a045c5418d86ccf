#include "debug/probe_choice.h"

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

absl::StatusOr<const PropertyRow*> FindProperty(const std::string& key) {
  std::vector<std::string> keys;
  for (const PropertyRow& row : kProperties) {
    if (absl::EqualsIgnoreCase(key, row.key)) return &row;
    keys.emplace_back(row.key);
  }
  return absl::InvalidArgumentError("port: probes have no such property; there are " + absl::StrJoin(keys, ", "));
}

}  // namespace

absl::StatusOr<std::string> ChooseProbe(const std::string& port, const v1::ListProbesResponse& probes) {
  if (port.empty()) return absl::InvalidArgumentError("port is empty: it names the probe");
  const size_t equals = port.find('=');
  const PropertyRow* property = &kProperties[0];
  if (equals != std::string::npos) {
    const auto found = FindProperty(port.substr(0, equals));
    if (!found.ok()) return found.status();
    property = *found;
  }
  const std::string value = equals == std::string::npos ? port : port.substr(equals + 1);
  std::vector<const v1::ProbeStatus*> matches;
  std::vector<std::string> known;
  for (const v1::ProbeStatus& probe : probes.probes()) {
    if (absl::EqualsIgnoreCase(property->value(probe), value)) matches.push_back(&probe);
    known.push_back(probe.description().unique_id());
  }
  if (matches.empty()) {
    return absl::NotFoundError("no probe is the one that port names; there are " +
                               (known.empty() ? "none" : absl::StrJoin(known, ", ")));
  }
  if (matches.size() > 1) {
    return absl::InvalidArgumentError("port: " + std::to_string(matches.size()) +
                                      " probes have this; name a unique id");
  }
  const std::string& unique_id = matches.front()->description().unique_id();
  if (matches.front()->state() == v1::PROBE_STATE_AWAY)
    return absl::UnavailableError("probe " + unique_id + " is away");
  return unique_id;
}

}  // namespace probegate
