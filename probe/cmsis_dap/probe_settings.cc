#include "probe/cmsis_dap/probe_settings.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/ignoring_case.h"
#include "probe/cmsis_dap/quirks.h"

namespace probegate::cmsis_dap {
namespace {

std::string Text(uint32_t value) { return absl::StrCat(value); }
std::string Text(const std::string& value) { return value; }

std::string Text(DapUse use) {
  switch (use) {
    case DapUse::kV1:
      return "v1";
    case DapUse::kV2:
      return "v2";
    case DapUse::kIgnore:
      break;
  }
  return "ignore";
}

std::string Text(const JtagChainSetting& chain) {
  std::string lengths = chain.ir_lengths.empty() ? "" : "ir-lengths " + absl::StrJoin(chain.ir_lengths, " ");
  if (!chain.device) return lengths;
  return absl::StrCat(lengths, lengths.empty() ? "" : ", ", "device ", *chain.device);
}

template <auto kMember>
SettingRow Row(const char* name) {
  return {.name = name,
          .text =
              [](const ProbeSettings& settings) {
                const auto& value = settings.*kMember;
                return value ? Text(*value) : std::string();
              },
          .take =
              [](ProbeSettings& to, const ProbeSettings& from) {
                if (from.*kMember) to.*kMember = from.*kMember;
              }};
}

bool HasUid(const ProbeTraits& traits, const std::string& uid) {
  return std::any_of(traits.uids.begin(), traits.uids.end(),
                     [&uid](const std::string& one) { return EqualsIgnoringCase(one, uid); });
}

// Only * and ? are special.
bool IsLike(const std::string& text, const std::string& pattern) {
  const std::string plain = absl::StrReplaceAll(pattern, {{"[", "[[]"}});
  return ::fnmatch(plain.c_str(), text.c_str(), FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

bool Applies(const ProbeMatch& match, const ProbeTraits& traits) {
  if (!match.uid.empty() && !HasUid(traits, match.uid)) return false;
  if (match.usb && match.usb != traits.usb) return false;
  if (match.version && match.version != traits.version) return false;
  return match.product.empty() || IsLike(traits.product, match.product);
}

std::optional<uint16_t> ParseHex(const std::string& text) {
  uint16_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, 16);
  if (text.size() != 4 || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::string ToText(const UsbId& id) { return absl::StrFormat("%04x:%04x", id.vendor, id.product); }

std::optional<UsbId> ParseUsbId(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto vendor = ParseHex(text.substr(0, colon));
  const auto product = ParseHex(text.substr(colon + 1));
  if (!vendor || !product) return std::nullopt;
  return UsbId{*vendor, *product};
}

absl::Span<const SettingRow> SettingRows() {
  static const SettingRow kRows[] = {
      Row<&ProbeSettings::packet_count>("packet-count"),
      Row<&ProbeSettings::packet_size>("packet-size"),
      Row<&ProbeSettings::clock>("clock"),
      Row<&ProbeSettings::clock_max>("clock-max"),
      Row<&ProbeSettings::serial>("serial"),
      Row<&ProbeSettings::cmsis_dap>("cmsis-dap"),
      Row<&ProbeSettings::jtag_chain>("jtag-chain"),
  };
  return kRows;
}

ProbeRules::ProbeRules(std::vector<ProbeRule> configured) : rules_(std::move(configured)) {
  const auto known = KnownQuirks();
  rules_.insert(rules_.end(), known.begin(), known.end());
}

ChosenSettings ProbeRules::For(const ProbeTraits& traits) const {
  ChosenSettings chosen;
  for (const ProbeRule& rule : rules_) {
    if (!Applies(rule.match, traits)) continue;
    chosen.named_by_usb_id |= rule.match.usb.has_value();
    for (const SettingRow& row : SettingRows()) {
      std::string value = row.text(rule.settings);
      if (value.empty() || !row.text(chosen.settings).empty()) continue;
      row.take(chosen.settings, rule.settings);
      chosen.applied.push_back({row.name, std::move(value), rule.from});
    }
    for (const auto& [key, value] : rule.settings.labels) {
      if (!chosen.settings.labels.emplace(key, value).second) continue;
      chosen.applied.push_back({absl::StrCat("label ", key), value, rule.from});
    }
  }
  return chosen;
}

}  // namespace probegate::cmsis_dap
