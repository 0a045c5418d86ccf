#include "server/probe_rules_section.h"

#include <charconv>
#include <optional>
#include <set>
#include <string>

#include <yaml-cpp/yaml.h>

#include "base/frequency.h"
#include "base/one_line.h"
#include "config/arguments.h"
#include "probe/cmsis_dap/jtag_chain.h"
#include "probe/cmsis_dap/protocol.h"
#include "server/catalog/description.h"

namespace probegate {
namespace {

using cmsis_dap::DapUse;
using cmsis_dap::JtagChainSetting;
using cmsis_dap::kMaxIrLength;
using cmsis_dap::kMaxTaps;
using cmsis_dap::kMinIrLength;
using cmsis_dap::ProbeMatch;
using cmsis_dap::ProbeRule;
using cmsis_dap::ProbeSettings;

constexpr uint32_t kMostPackets = 255;       // DAP_Info has a byte for it
constexpr uint32_t kLargestPacket = 16'384;  // as probe/cmsis_dap/usb_transport.cc

[[noreturn]] void Refuse(const YAML::Node& node, const std::string& why) {
  throw InvalidSection{node.Mark().line, why};
}

std::string Text(const YAML::Node& node, const std::string& key) {
  if (!node.IsScalar() || node.Scalar().empty()) Refuse(node, key + " must have a value");
  return node.Scalar();
}

// One line of UTF-8, because it is shown in lists.
std::string ShortText(const YAML::Node& node, const std::string& key) {
  const std::string text = Text(node, key);
  if (OneLine(text, kMaxProbeText) != text) {
    Refuse(node, key + " must be one line of at most " + std::to_string(kMaxProbeText) + " bytes");
  }
  return text;
}

uint32_t Number(const YAML::Node& node, const std::string& key, uint32_t least, uint32_t most) {
  const std::string text = Text(node, key);
  uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < least || value > most) {
    Refuse(node, key + ": " + text + " is not a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

uint32_t Hertz(const YAML::Node& node, const std::string& key) {
  const std::string text = Text(node, key);
  const std::optional<uint32_t> hertz = ParseFrequency(text);
  if (!hertz) {
    Refuse(node, key + ": " + OneLine(text, kMaxProbeText) +
                     " is not a frequency from 1 Hz to 4294 MHz; write it in hertz, or with k or M: 4M");
  }
  return *hertz;
}

DapUse Use(const YAML::Node& node, const std::string& key) {
  const std::string text = Text(node, key);
  if (text == "v1") return DapUse::kV1;
  if (text == "v2") return DapUse::kV2;
  if (text == "ignore") return DapUse::kIgnore;
  Refuse(node, key + ": " + text + " is not v1, v2 or ignore");
}

// Checks that `node` is a map without the same key twice, and calls `take` with each key and value.
template <typename Take>
void ReadMap(const YAML::Node& node, const std::string& what, const Take& take) {
  if (!node.IsMap()) Refuse(node, what + " must be a map");
  std::set<std::string> seen;
  for (const auto& pair : node) {
    const std::string key = Text(pair.first, "a key of " + what);
    if (!seen.insert(key).second) Refuse(pair.first, what + " has the key " + OneLine(key, kMaxProbeText) + " twice");
    // yaml-cpp does not know where a value that is missing would be.
    if (pair.second.IsNull()) Refuse(pair.first, key + " must have a value");
    take(key, pair.first, pair.second);
  }
}

JtagChainSetting Chain(const YAML::Node& node, const std::string& key) {
  JtagChainSetting chain;
  ReadMap(node, key, [&](const std::string& name, const YAML::Node& where, const YAML::Node& value) {
    if (name == "device") {
      chain.device = Number(value, name, 0, kMaxTaps - 1);
    } else if (name == "ir-lengths") {
      if (!value.IsSequence() || value.size() == 0) {
        Refuse(value, "ir-lengths must be a list of numbers, such as [4, 5]");
      }
      if (value.size() > kMaxTaps) Refuse(value, "ir-lengths has more than " + std::to_string(kMaxTaps) + " entries");
      for (const YAML::Node& length : value) {
        chain.ir_lengths.push_back(
            static_cast<uint8_t>(Number(length, name, uint32_t{kMinIrLength}, uint32_t{kMaxIrLength})));
      }
    } else {
      Refuse(where, "unknown key in " + key + ": " + name + "; use ir-lengths and device");
    }
  });
  if (chain.ir_lengths.empty() && !chain.device) Refuse(node, key + " must have ir-lengths, device or both");
  if (!chain.ir_lengths.empty() && chain.device && *chain.device >= chain.ir_lengths.size()) {
    Refuse(node, key + ": there is no device " + std::to_string(*chain.device) + " among " +
                     std::to_string(chain.ir_lengths.size()) + " ir-lengths; the first one is 0");
  }
  return chain;
}

std::map<std::string, std::string> Labels(const YAML::Node& node, const std::string& what) {
  std::map<std::string, std::string> labels;
  ReadMap(node, what, [&](const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    constexpr char kAllowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    if (key.size() > kMaxLabelKey || key.find_first_not_of(kAllowed) != std::string::npos) {
      Refuse(where, "the label " + OneLine(key, kMaxProbeText) + " must have at most " + std::to_string(kMaxLabelKey) +
                        " characters, which are letters, digits, '.', '_', '/' or '-'");
    }
    labels[key] = ShortText(value, "the label " + key);
  });
  if (labels.size() > kMaxLabels) Refuse(node, "an entry has at most " + std::to_string(kMaxLabels) + " labels");
  return labels;
}

struct ReaderRow {
  const char* key;
  void (*read)(const YAML::Node& value, const std::string& key, ProbeSettings& settings);
};
constexpr ReaderRow kReaders[] = {
    {"packet-count", [](const auto& v, const auto& k, auto& s) { s.packet_count = Number(v, k, 1, kMostPackets); }},
    {"packet-size", [](const auto& v, const auto& k,
                       auto& s) { s.packet_size = Number(v, k, cmsis_dap::kSmallestPacket, kLargestPacket); }},
    {"clock", [](const auto& v, const auto& k, auto& s) { s.clock = Hertz(v, k); }},
    {"clock-max", [](const auto& v, const auto& k, auto& s) { s.clock_max = Hertz(v, k); }},
    {"serial", [](const auto& v, const auto& k, auto& s) { s.serial = ShortText(v, k); }},
    {"cmsis-dap", [](const auto& v, const auto& k, auto& s) { s.cmsis_dap = Use(v, k); }},
    {"jtag-chain", [](const auto& v, const auto& k, auto& s) { s.jtag_chain = Chain(v, k); }},
    {"labels", [](const auto& v, const auto& k, auto& s) { s.labels = Labels(v, k); }},
};

ProbeMatch Match(const YAML::Node& node) {
  ProbeMatch match;
  ReadMap(node, "match", [&](const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    if (key == "uid") {
      match.uid = ShortText(value, key);
    } else if (key == "product") {
      match.product = ShortText(value, key);
    } else if (key == "usb") {
      match.usb = cmsis_dap::ParseUsbId(Text(value, key));
      if (!match.usb) {
        Refuse(value, "usb: " + value.Scalar() +
                          " is not VENDOR:PRODUCT, with four hexadecimal digits each, as lsusb " +
                          "shows them: \"0d28:0204\"");
      }
    } else {
      Refuse(where, "unknown key in match: " + key + "; use uid, usb or product");
    }
  });
  if (match.uid.empty() && match.product.empty() && !match.usb) Refuse(node, "match must have uid, usb or product");
  return match;
}

ProbeRule Rule(const YAML::Node& node) {
  ProbeRule rule{.match = {}, .settings = {}, .from = "configuration"};
  bool matches = false;
  ReadMap(node, "an entry", [&](const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    if (key == "match") {
      rule.match = Match(value);
      matches = true;
      return;
    }
    std::string known = "match";
    for (const ReaderRow& row : kReaders) {
      known += std::string(", ") + row.key;
      if (key == row.key) return row.read(value, key, rule.settings);
    }
    Refuse(where, "unknown key: " + OneLine(key, kMaxProbeText) + "; the known keys are " + known);
  });
  if (!matches) Refuse(node, "an entry must have the key match, which names the probes that it is for");
  return rule;
}

}  // namespace

std::vector<ProbeRule> ReadProbeRules(const YAML::Node& probes) {
  if (!probes.IsSequence()) Refuse(probes, "must be a list of entries, each with match and settings");
  std::vector<ProbeRule> rules;
  for (const YAML::Node& entry : probes) rules.push_back(Rule(entry));
  return rules;
}

}  // namespace probegate
