#include "probe/cmsis_dap/jtag_chain.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hex.h"
#include "probe/bits.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kJtagDpIrLength = 4;
constexpr size_t kIdcodeBits = 32;
constexpr uint32_t kNoIdcode = ~uint32_t{0};

// TAPs whose instruction registers are known to have a certain length.
struct KnownTap {
  uint32_t mask;
  uint32_t idcode;
  uint8_t ir_length;
  bool is_dap;
};
constexpr KnownTap kKnownTaps[] = {
    {0x0FF00FFF, 0x0BA00477, kJtagDpIrLength, true},  // designer Arm, part 0xBAxx: JTAG-DP (ADIv5.2 §B3.2.2)
    {0x00000FFF, 0x00000041, 5, false},               // STMicroelectronics: the boundary scan of STM32
};

const KnownTap* Find(const std::optional<uint32_t>& idcode) {
  const auto* row = std::find_if(std::begin(kKnownTaps), std::end(kKnownTaps),
                                 [&](const KnownTap& tap) { return idcode && (*idcode & tap.mask) == tap.idcode; });
  return row == std::end(kKnownTaps) ? nullptr : row;
}

bool IsArmDap(const std::optional<uint32_t>& idcode) {
  const KnownTap* known = Find(idcode);
  return known != nullptr && known->is_dap;
}

constexpr const char* kWhereItIsSet = " for this probe under probes: in the server's configuration";
constexpr const char* kHowToSetIt = "; set jtag-chain (ir-lengths, device)";
constexpr const char* kHowToCorrectIt = "; correct jtag-chain (ir-lengths, device)";

// An error whose message ends with what to do.
template <typename... Parts>
absl::Status Error(const char* what_to_do, const Parts&... parts) {
  return MakeError(ErrorKind::kTransferError, absl::StrCat(parts..., what_to_do, kWhereItIsSet));
}

absl::Status NoChain(const char* level) {
  return MakeError(ErrorKind::kTransferError, absl::StrCat("no JTAG chain answers: TDO stays ", level));
}

uint32_t WordAt(absl::Span<const uint8_t> bits, size_t first) {
  uint32_t word = 0;
  for (size_t i = 0; i < kIdcodeBits; ++i) word |= uint32_t{BitAt(bits, first + i)} << i;
  return word;
}

bool AllAre(bool level, absl::Span<const uint8_t> bits, size_t first, size_t end) {
  for (size_t i = first; i < end; ++i) {
    if (BitAt(bits, i) != level) return false;
  }
  return true;
}

std::string Count(size_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

}  // namespace

JtagChain SingleJtagDp() { return {.ir_lengths = {kJtagDpIrLength}, .device = 0}; }

std::optional<JtagChain> ConfiguredChain(const JtagChainSetting& setting) {
  if (setting.ir_lengths.empty()) return std::nullopt;
  const std::optional<size_t> device = setting.ir_lengths.size() == 1 ? setting.device.value_or(0) : setting.device;
  if (!device || *device >= setting.ir_lengths.size()) return std::nullopt;
  return JtagChain{.ir_lengths = setting.ir_lengths, .device = static_cast<uint8_t>(*device)};
}

std::string JtagTaps::ToText() const {
  if (idcodes.empty()) return "no TAP";
  std::string text;
  for (const std::optional<uint32_t>& idcode : idcodes) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", idcode ? Hex(*idcode) : "none");
  }
  return absl::StrCat(Count(idcodes.size(), "TAP", "TAPs"), " (IDCODE ", text, ")",
                      ir_bits ? absl::StrCat(" and ", *ir_bits, " IR bits") : "");
}

absl::StatusOr<JtagTaps> ReadTaps(absl::Span<const uint8_t> tdo) {
  const size_t size = tdo.size() * 8;
  if (AllAre(false, tdo, 0, size)) return NoChain("low");
  JtagTaps taps;
  size_t at = 0;
  while (at + kIdcodeBits <= size && taps.idcodes.size() <= kMaxTaps) {
    if (!BitAt(tdo, at)) {
      taps.idcodes.emplace_back();
      ++at;
      continue;
    }
    const uint32_t word = WordAt(tdo, at);
    if (word == kNoIdcode && taps.idcodes.empty()) return NoChain("high");
    if (word == kNoIdcode) return taps;
    taps.idcodes.emplace_back(word);
    at += kIdcodeBits;
  }
  while (!taps.idcodes.empty() && !taps.idcodes.back()) taps.idcodes.pop_back();
  return Error(kHowToSetIt, "the JTAG chain has no end within ", size, " bits, and begins with ", taps.ToText(),
               ": it has more TAPs than that, the clock is too fast, or TDI is not connected");
}

std::optional<JtagChain> ChainWithoutIrScan(const JtagTaps& taps, const JtagChainSetting& setting) {
  const bool alone = taps.idcodes.size() == 1 && IsArmDap(taps.idcodes.front());
  if (!alone || !setting.ir_lengths.empty() || setting.device.value_or(0) != 0) return std::nullopt;
  return SingleJtagDp();
}

std::vector<uint8_t> IrScanTdi(size_t bytes) {
  std::vector<uint8_t> tdi(bytes, 0xFF);
  tdi.front() &= static_cast<uint8_t>(~1u);
  return tdi;
}

namespace {

constexpr size_t kOnesAfter = 32;  // more than any instruction register captures in a row

// How many bits all instruction registers have together: the zero of IrScanTdi, the last one on TDO, comes out that
// much later, and ones follow it. Nothing if it has not come.
std::optional<size_t> IrBits(absl::Span<const uint8_t> tdo) {
  const size_t size = tdo.size() * 8;
  size_t zero = size;
  while (zero > 0 && BitAt(tdo, zero - 1)) --zero;
  if (zero == 0 || size - zero < kOnesAfter) return std::nullopt;
  return zero - 1;
}

// What is assumed about instruction registers.
struct Assumption {
  bool known_lengths;  // of TAPs that have a row in the table
  bool captures;       // each captures 01, and a JTAG-DP 0001 (ADIv5.2 §B3.2)
};
// The standard first. Then what is left for TAPs that do not follow it: that the debug port's register has four bits.
constexpr Assumption kAssumptions[] = {{true, true}, {false, false}};

// The captured bits of all instruction registers, and how they can be divided among the TAPs.
class IrBitsOfTaps {
 public:
  IrBitsOfTaps(const JtagTaps& taps, size_t device, absl::Span<const uint8_t> captured)
      : taps_(taps), device_(device), captured_(captured), bits_(*taps.ir_bits) {}

  // The divisions that differ in the debug port's place, one for each place.
  std::vector<std::vector<uint8_t>> Divide(const Assumption& assumption) const {
    std::vector<std::vector<uint8_t>> divisions;
    for (size_t place = 0; place + kJtagDpIrLength <= bits_; ++place) {
      if (!FitsDevice(place, assumption)) continue;
      auto before = DividePart(0, place, 0, device_, assumption);
      auto after = DividePart(place + kJtagDpIrLength, bits_, device_ + 1, taps_.idcodes.size(), assumption);
      if (!before || !after) continue;
      before->push_back(kJtagDpIrLength);
      before->insert(before->end(), after->begin(), after->end());
      divisions.push_back(*std::move(before));
    }
    return divisions;
  }

 private:
  bool FitsDevice(size_t place, const Assumption& assumption) const {
    if (!assumption.captures) return true;
    return BitAt(captured_, place) && AllAre(false, captured_, place + 1, place + kJtagDpIrLength);
  }

  bool Fits(size_t tap, size_t first, size_t end, const Assumption& assumption) const {
    const KnownTap* known = assumption.known_lengths ? Find(taps_.idcodes[tap]) : nullptr;
    if (known != nullptr && end - first != known->ir_length) return false;
    return !assumption.captures || (BitAt(captured_, first) && !BitAt(captured_, first + 1));
  }

  // The lengths of the TAPs from `first_tap` up to `end_tap`, if they can share the bits from `first` up to `end`.
  std::optional<std::vector<uint8_t>> DividePart(size_t first, size_t end, size_t first_tap, size_t end_tap,
                                                 const Assumption& assumption) const {
    // By number of TAPs: the length of the last of them if together they end at a bit, and 0 if they cannot.
    const size_t count = end_tap - first_tap;
    std::vector<std::vector<uint8_t>> last(count, std::vector<uint8_t>(end + 1));
    for (size_t i = 0; i < count; ++i) {
      for (size_t at = first; at < end; ++at) {
        if (i == 0 ? at != first : last[i - 1][at] == 0) continue;
        for (size_t length = kMinIrLength; length <= std::min(kMaxIrLength, end - at); ++length) {
          if (Fits(first_tap + i, at, at + length, assumption)) last[i][at + length] = static_cast<uint8_t>(length);
        }
      }
    }
    std::vector<uint8_t> lengths(count);
    for (size_t i = count; i-- > 0; end -= lengths[i]) {
      lengths[i] = last[i][end];
      if (lengths[i] == 0) return std::nullopt;
    }
    if (end != first) return std::nullopt;  // bits, but no TAP for them
    return lengths;
  }

  const JtagTaps& taps_;
  const size_t device_;
  const absl::Span<const uint8_t> captured_;
  const size_t bits_;
};

// Bits as they are written in documents, the first one last.
std::string Binary(absl::Span<const uint8_t> bits, size_t count) {
  std::string text;
  while (count-- > 0) text += BitAt(bits, count) ? '1' : '0';
  return text;
}

absl::StatusOr<uint8_t> ChooseDevice(const JtagTaps& taps, const JtagChainSetting& setting) {
  const auto& idcodes = taps.idcodes;
  if (setting.device && *setting.device >= idcodes.size()) {
    return Error(kHowToCorrectIt, "the configuration names device ", *setting.device,
                 " of the JTAG chain, where 0 is next to TDO, but the chain has ", taps.ToText());
  }
  if (setting.device) return static_cast<uint8_t>(*setting.device);
  const auto dap = std::find_if(idcodes.begin(), idcodes.end(), IsArmDap);
  if (dap != idcodes.end()) return static_cast<uint8_t>(dap - idcodes.begin());
  if (idcodes.size() == 1) return uint8_t{0};
  return Error(kHowToSetIt, "the JTAG chain has ", taps.ToText(), ", but no Arm debug port");
}

absl::StatusOr<JtagChain> CheckConfigured(const JtagTaps& taps, uint8_t device, const JtagChainSetting& setting) {
  const size_t bits = std::accumulate(setting.ir_lengths.begin(), setting.ir_lengths.end(), size_t{0});
  if (setting.ir_lengths.size() == taps.idcodes.size() && bits == taps.ir_bits) {
    return JtagChain{.ir_lengths = setting.ir_lengths, .device = device};
  }
  return Error(kHowToCorrectIt, "the JTAG chain is configured with IR lengths ",
               absl::StrJoin(setting.ir_lengths, ", "), ", but has ", taps.ToText());
}

}  // namespace

absl::StatusOr<JtagChain> ChainFromIrScan(JtagTaps taps, const JtagChainSetting& setting,
                                          absl::Span<const uint8_t> tdo) {
  taps.ir_bits = IrBits(tdo);
  if (!taps.ir_bits) {
    return Error(kHowToSetIt, "the JTAG chain has ", taps.ToText(), ", and more than ", tdo.size() * 8 - kOnesAfter,
                 " IR bits");
  }
  const absl::StatusOr<uint8_t> device = ChooseDevice(taps, setting);
  if (!device.ok()) return device.status();
  if (!setting.ir_lengths.empty()) return CheckConfigured(taps, *device, setting);
  const IrBitsOfTaps division(taps, *device, tdo);
  for (const Assumption& assumption : kAssumptions) {
    auto ways = division.Divide(assumption);
    if (ways.size() == 1) return JtagChain{.ir_lengths = std::move(ways.front()), .device = *device};
    if (ways.size() > 1) break;
  }
  return Error(kHowToSetIt, "the JTAG chain has ", taps.ToText(), ", which captured ", Binary(tdo, *taps.ir_bits),
               ": it is not clear which four bits are those of device ", *device, ", the debug port");
}

}  // namespace probegate::cmsis_dap
