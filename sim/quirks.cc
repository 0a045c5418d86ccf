#include "sim/quirks.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kInfoVersion = 0x04;
constexpr uint8_t kInfoPacketCount = 0xFE;
constexpr uint8_t kInfoPacketSize = 0xFF;
constexpr size_t kMaxText = 200;  // bytes; a reply to DAP_Info has room for 255 even in a packet of 256
constexpr unsigned kMinPacketSize = 16;
constexpr unsigned kMaxBuffers = 16;
constexpr unsigned kMaxPowerDelay = 60'000;
constexpr unsigned kMaxReply = 1'000'000'000;

// A whole number, in decimal or with "0x" in hexadecimal. `what` names it in the error message.
uint32_t Number(std::string_view what, std::string_view text, uint32_t low, uint32_t high) {
  const bool hex = text.starts_with("0x");
  const std::string_view digits = hex ? text.substr(2) : text;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, hex ? 16 : 10);
  if (error == std::errc() && end == digits.data() + digits.size() && number >= low && number <= high) return number;
  throw std::invalid_argument(fmt::format("{} must be a number from {} to {}, not '{}'", what, low, high, text));
}

uint8_t InfoId(std::string_view text) { return static_cast<uint8_t>(Number("ID", text, 0, UINT8_MAX)); }

// Splits "A:B". `form` describes the value in the error message.
std::pair<std::string_view, std::string_view> Split(std::string_view text, char separator, std::string_view form) {
  const size_t at = text.find(separator);
  if (at == std::string_view::npos) {
    throw std::invalid_argument(fmt::format("the value must have the form {}, not '{}'", form, text));
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

std::vector<uint8_t> HexBytes(std::string_view text) {
  std::vector<uint8_t> bytes;
  if (text.size() % 2 != 0 || text.size() > 2 * kMaxText) {
    throw std::invalid_argument(fmt::format("HEX must be pairs of digits, {} at most, not '{}'", kMaxText, text));
  }
  for (size_t at = 0; at < text.size(); at += 2) {
    bytes.push_back(static_cast<uint8_t>(Number("each pair of HEX", fmt::format("0x{}", text.substr(at, 2)), 0, 255)));
  }
  return bytes;
}

const CommandName& CommandOf(std::string_view text) {
  if (const CommandName* row = FindCommand(text)) return *row;
  throw std::invalid_argument(fmt::format(
      "COMMAND must be a name such as HostStatus or SWD_Configure, or a number such as 0x13, not '{}'", text));
}

void ResetReads(std::string_view value, Quirks& quirks) {
  quirks.commands.reset_reads = Number("LEVEL", value, 0, 1) != 0;
}

void Version(std::string_view value, Quirks& quirks) {
  if (value.size() > kMaxText) throw std::invalid_argument(fmt::format("TEXT is longer than {} bytes", kMaxText));
  std::vector<uint8_t> text(value.begin(), value.end());
  if (!text.empty()) text.push_back(0);
  quirks.commands.info[kInfoVersion] = std::move(text);
}

void PacketCount(std::string_view value, Quirks& quirks) {
  quirks.commands.info[kInfoPacketCount] = {static_cast<uint8_t>(Number("N", value, 0, UINT8_MAX))};
}

void PacketBuffers(std::string_view value, Quirks& quirks) {
  quirks.link.packet_buffers = Number("N", value, 1, kMaxBuffers);
}

void PacketSize(std::string_view value, Quirks& quirks) {
  const uint32_t size = Number("BYTES", value, kMinPacketSize, kMaxPacketSize);
  quirks.commands.packet_size = size;
  quirks.commands.info[kInfoPacketSize] = {static_cast<uint8_t>(size), static_cast<uint8_t>(size >> 8)};
}

void Info(std::string_view value, Quirks& quirks) {
  const auto [id, bytes] = Split(value, ':', "ID:HEX");
  quirks.commands.info[InfoId(id)] = HexBytes(bytes);
}

void Refuse(std::string_view value, Quirks& quirks) { quirks.commands.unknown.insert(CommandOf(value).command); }

void Fail(std::string_view value, Quirks& quirks) {
  const CommandName& row = CommandOf(value);
  if (!row.failure) throw std::invalid_argument(fmt::format("DAP_{} has no status that could be an error", row.name));
  quirks.commands.failing.insert(row.command);
}

void Clock(std::string_view value, Quirks& quirks) {
  const auto [lowest, highest] = Split(value, '-', "MIN-MAX");
  const uint32_t low = Number("MIN", lowest, 1, UINT32_MAX);
  quirks.commands.clocks = {low, Number("MAX", highest, low, UINT32_MAX)};
}

void StaleReply(std::string_view value, Quirks& quirks) { quirks.link.stale_reply = Number("N", value, 1, kMaxReply); }

void RepeatReply(std::string_view value, Quirks& quirks) {
  quirks.link.repeated_reply = Number("N", value, 1, kMaxReply);
}

void PowerDelay(std::string_view value, Quirks& quirks) {
  quirks.target.power.delay = std::chrono::milliseconds(Number("MS", value, 0, kMaxPowerDelay));
}

struct CswRow {
  std::string_view name;
  CswRule rule;
};
constexpr CswRow kCswRules[] = {
    {"privileged", CswRule::kPrivileged},
    {"secure", CswRule::kSecure},
    {"nonsecure", CswRule::kNonSecure},
};

void Csw(std::string_view value, Quirks& quirks) {
  const auto row = std::find_if(std::begin(kCswRules), std::end(kCswRules),
                                [value](const CswRow& candidate) { return candidate.name == value; });
  if (row == std::end(kCswRules)) {
    throw std::invalid_argument(fmt::format("RULE must be privileged, secure or nonsecure, not '{}'", value));
  }
  quirks.target.csw = row->rule;
}

constexpr QuirkRow kRows[] = {
    {"nreset-reads", "LEVEL", false, "`DAP_SWJ_Pins` always reads nRESET as LEVEL, 0 or 1, whatever the pin does",
     "0: debugprobe, rusty-probe, ORBTrace, Arm's template for new firmware; 1: adapters whose input is not wired",
     ResetReads},
    {"nreset-not-driven", "", false, "no command moves nRESET, and it reads as 1",
     "debugprobe and picoprobe, built for boards without that pin",
     [](std::string_view, Quirks& quirks) { quirks.commands.reset_driven = false; }},
    {"version", "TEXT", false, "the answer to `DAP_Info` 4, the version of the protocol; may be empty",
     "1.10: MCU-Link, LPC-Link2, DAPLink up to 0253; 03.25.01B6: EDBG; 0254: DAPLink; v1.2: free-dap", Version},
    {"packet-count", "N", false, "the answer to `DAP_Info` 0xFE, whatever the probe really holds; 0 to 255",
     "0: home-made firmware; too many: yapicoprobe, KL25Z boards", PacketCount},
    {"packet-buffers", "N", false,
     "the probe holds N packets, 1 to 16, and takes a millisecond for each; what arrives when it holds N is lost",
     "1: yapicoprobe's HID interface, KL25Z boards, debugprobe", PacketBuffers},
    {"packet-size", "BYTES", false,
     "the answer to `DAP_Info` 0xFF, 16 to 1024; the probe answers longer requests, and requests with longer replies, "
     "with 0xFF",
     "64: every probe on full-speed USB", PacketSize},
    {"info", "ID:HEX", true, "the answer to `DAP_Info` ID is these bytes, or has length 0 if there are none",
     "a packet size of one byte, no packet count, text without a zero, Latin-1: home-made firmware", Info},
    {"info-unknown", "ID", true, "the answer to `DAP_Info` ID is 0xFF, as to an unknown command",
     "DAPLink and rust-dap, for IDs that came with later versions",
     [](std::string_view value, Quirks& quirks) { quirks.commands.unknown_info.insert(InfoId(value)); }},
    {"refuse", "COMMAND", true, "the firmware does not know the command: it answers 0xFF and does nothing",
     "HostStatus, Delay, SWD_Sequence: ORBTrace, home-made firmware", Refuse},
    {"fail", "COMMAND", true, "the command's answer is an error status, and it does nothing",
     "SWD_Configure, TransferConfigure, ResetTarget: debugprobe, DAPLink", Fail},
    {"clock", "MIN-MAX", false, "`DAP_SWJ_Clock` fails for frequencies in Hz outside of this range",
     "200000-25000000: ORBTrace; slow probes above 1 MHz", Clock},
    {"stale-reply", "N", false,
     "the Nth reply from when the quirk is turned on is held back until the next packet arrives, and sent before its "
     "reply",
     "every probe whose client gave up waiting too early", StaleReply},
    {"repeat-reply", "N", false, "the Nth reply from when the quirk is turned on is sent twice",
     "probes whose last reply an earlier client did not read", RepeatReply},
    {"power-ack-delay", "MS", false, "CTRL/STAT acknowledges power MS milliseconds after the request; 0 to 60000",
     "20 to 500: chips that wake a regulator or clocks from a low-power mode", PowerDelay},
    {"no-system-power", "", false, "CSYSPWRUPREQ is never acknowledged", "STM32L412",
     [](std::string_view, Quirks& quirks) { quirks.target.power.system = false; }},
    {"csw", "RULE", false,
     "memory needs accesses that are `privileged` (HPROT[1] 1), `secure` (HNONSEC 0) or `nonsecure` (HNONSEC 1). The "
     "first value of CSW is wrong for the first two rules, and right for the third",
     "RP2350, Cortex-M33 with TrustZone", Csw},
    {"powered-by-target", "", false,
     "when the target is power-cycled (control port), the probe closes its connection and accepts a new one at once",
     "probes on the target's own board",
     [](std::string_view, Quirks& quirks) { quirks.link.powered_by_target = true; }},
};

const QuirkRow& RowOf(std::string_view name) {
  const auto row =
      std::find_if(std::begin(kRows), std::end(kRows), [name](const QuirkRow& each) { return each.name == name; });
  if (row != std::end(kRows)) return *row;
  throw std::invalid_argument(fmt::format("unknown quirk '{}'", name));
}

void Apply(const QuirkSetting& setting, Quirks& quirks) {
  const QuirkRow& row = RowOf(setting.name);
  if (row.value.empty() && !setting.value.empty()) {
    throw std::invalid_argument(fmt::format("quirk {}: it has no value", row.name));
  }
  try {
    row.apply(setting.value, quirks);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("quirk {}: {}", row.name, error.what()));
  }
}

}  // namespace

std::span<const QuirkRow> QuirkRows() { return kRows; }

void CheckQuirkName(std::string_view name) { static_cast<void>(RowOf(name)); }

QuirkSetting ParseQuirk(std::string_view text) {
  const size_t equals = text.find('=');
  QuirkSetting setting{std::string(text.substr(0, equals)),
                       std::string(equals == std::string_view::npos ? "" : text.substr(equals + 1))};
  Quirks checked;
  Apply(setting, checked);
  return setting;
}

void TurnOn(const QuirkSetting& setting, std::vector<QuirkSetting>& settings) {
  std::erase_if(settings, [&](const QuirkSetting& other) {
    return other == setting || (other.name == setting.name && !RowOf(setting.name).repeats);
  });
  settings.push_back(setting);
}

Quirks MakeQuirks(std::span<const QuirkSetting> settings) {
  Quirks quirks;
  for (const QuirkSetting& setting : settings) Apply(setting, quirks);
  return quirks;
}

std::string DescribeQuirks() {
  std::string text;
  for (const QuirkRow& row : kRows) {
    const std::string form = row.value.empty() ? std::string(row.name) : fmt::format("{}={}", row.name, row.value);
    std::string effect(row.effect);
    std::erase(effect, '`');
    text += fmt::format("  {:<24}{}\n", form, effect);
  }
  return text;
}

}  // namespace probegate::sim
