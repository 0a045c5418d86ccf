// What is known about single probes without asking them: the user's configuration, and the table of known quirks
// (probe/cmsis_dap/quirks.h). Both are lists of rules, each of which names probes and has settings for them.
//
// Precedence, for each setting on its own: the first rule that applies to the probe and has the setting decides, the
// configuration's rules first, in the order of the file, then the known quirks. The same holds for each label.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "probe/cmsis_dap/jtag_chain.h"
#include "probe/cmsis_dap/usb_function.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

// A USB device's vendor and product.
struct UsbId {
  uint16_t vendor = 0;
  uint16_t product = 0;
  bool operator==(const UsbId&) const = default;
};

// Text of the form "0d28:0204": four hexadecimal digits each.
std::string ToText(const UsbId& id);
std::optional<UsbId> ParseUsbId(const std::string& text);

// Which version of CMSIS-DAP to use of a USB device, if any.
enum class DapUse : uint8_t { kV1, kV2, kIgnore };

// Everything is optional. docs/hardware.md says what each is for.
struct ProbeSettings {
  std::optional<uint32_t> packet_count;
  std::optional<uint32_t> packet_size;  // bytes
  std::optional<uint32_t> clock;        // hertz, if no session asks for another
  std::optional<uint32_t> clock_max;    // hertz, whatever sessions ask for
  std::optional<std::string> serial;    // the unique ID
  std::optional<DapUse> cmsis_dap;      // USB only
  std::optional<JtagChainSetting> jtag_chain;
  std::map<std::string, std::string> labels;
};

// One row per setting, except the labels: its name in the configuration file, and what can be done with any setting.
struct SettingRow {
  const char* name;
  // The value as text; empty if there is none.
  std::string (*text)(const ProbeSettings& settings);
  // Takes over the value, if there is one.
  void (*take)(ProbeSettings& to, const ProbeSettings& from);
};
absl::Span<const SettingRow> SettingRows();

// Which probes a rule applies to: those that have all of what is given here.
struct ProbeMatch {
  std::string uid;                    // a whole unique ID; case does not matter
  std::optional<UsbId> usb;           // a device that a rule names like this counts as CMSIS-DAP, whatever its names
  std::string product;                // a glob, as in a shell; case does not matter
  std::optional<DapVersion> version;  // of the interface that is used; not in the configuration
};

struct ProbeRule {
  ProbeMatch match;
  ProbeSettings settings;
  std::string from;  // as AppliedSetting::from
};

// What a probe can be named by. What is not known does not match.
struct ProbeTraits {
  // Its unique ID, and other forms of it: with and without the place where the device is plugged in.
  std::vector<std::string> uids;
  std::optional<UsbId> usb;
  std::string product;
  std::optional<DapVersion> version;
};

// The settings that apply to a probe, and where each comes from.
struct ChosenSettings {
  ProbeSettings settings;
  std::vector<AppliedSetting> applied;
  bool named_by_usb_id = false;  // a rule that applies has ProbeMatch::usb
};

// An immutable list of rules.
class ProbeRules {
 public:
  // The given rules, from the configuration, and after them the known quirks.
  explicit ProbeRules(std::vector<ProbeRule> configured = {});

  ChosenSettings For(const ProbeTraits& traits) const;

 private:
  std::vector<ProbeRule> rules_;
};

}  // namespace probegate::cmsis_dap
