#include "server/catalog/description.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/one_line.h"

namespace probegate {
namespace {

// The probe's own labels and those of its settings win over those that the server adds.
void AddLabels(const ProbeInfo& info, const std::string& host, v1::ProbeDescription& description) {
  auto& labels = *description.mutable_labels();
  for (const auto& [key, value] : info.labels) {
    std::string clean = OneLine(value, kMaxProbeText);
    if (labels.size() < kMaxLabels && !clean.empty()) labels[OneLine(key, kMaxLabelKey)] = std::move(clean);
  }
  const std::pair<const char*, std::string> own[] = {
      {"host", OneLine(host, kMaxProbeText)},
      {"vendor", description.vendor_name()},
      {"product", description.product_name()},
  };
  for (const auto& [key, value] : own) {
    if (!value.empty()) labels.insert({key, value});
  }
}

}  // namespace

// As pyOCD shows it. But many probes begin the product's name with the vendor's, which should not
// appear twice.
std::string VendorAndProduct(const std::string& vendor, const std::string& product) {
  const std::vector<std::string> first = absl::StrSplit(vendor, ' ', absl::SkipEmpty());
  const std::vector<std::string> second = absl::StrSplit(product, ' ', absl::SkipEmpty());
  size_t doubled = std::min(first.size(), second.size());
  const auto overlaps = [&](size_t count) {
    return std::equal(second.begin(), second.begin() + static_cast<std::ptrdiff_t>(count),
                      first.end() - static_cast<std::ptrdiff_t>(count),
                      [](const auto& a, const auto& b) { return absl::EqualsIgnoreCase(a, b); });
  };
  while (!overlaps(doubled)) --doubled;
  std::vector<std::string> words = first;
  words.insert(words.end(), second.begin() + static_cast<std::ptrdiff_t>(doubled), second.end());
  return absl::StrJoin(words, " ");
}

std::string CleanUniqueId(const std::string& unique_id) { return OneLine(unique_id, kMaxProbeText); }

v1::ProbeDescription Describe(const ProbeInfo& info, const std::string& host) {
  v1::ProbeDescription description;
  description.set_unique_id(CleanUniqueId(info.unique_id));
  description.set_vendor_name(OneLine(info.vendor_name, kMaxProbeText));
  description.set_product_name(OneLine(info.product_name, kMaxProbeText));
  description.set_firmware_version(OneLine(info.firmware_version, kMaxProbeText));
  description.set_description(VendorAndProduct(description.vendor_name(), description.product_name()));
  const ProbeFeatures& features = info.features;
  description.add_wire_protocols(v1::WIRE_PROTOCOL_DEFAULT);
  description.add_wire_protocols(v1::WIRE_PROTOCOL_SWD);
  if (features.jtag) description.add_wire_protocols(v1::WIRE_PROTOCOL_JTAG);

  // First the capabilities that the server provides for every probe. MANAGED_DPBANKSEL must never be among them: pyOCD
  // would mask off the bank and read DPIDR for every banked register.
  const struct {
    bool offered;
    v1::Capability capability;
  } capabilities[] = {
      {true, v1::CAPABILITY_SWJ_SEQUENCE},
      {true, v1::CAPABILITY_BANKED_DP_REGISTERS},
      {true, v1::CAPABILITY_APV2_ADDRESSES},
      {true, v1::CAPABILITY_MANAGED_AP_SELECTION},
      {features.jtag, v1::CAPABILITY_JTAG_SEQUENCE},
      {features.swd_sequence, v1::CAPABILITY_SWD_SEQUENCE},
      {features.swo, v1::CAPABILITY_SWO},
  };
  for (const auto& row : capabilities) {
    if (row.offered) description.add_capabilities(row.capability);
  }
  AddLabels(info, host, description);
  return description;
}

}  // namespace probegate
