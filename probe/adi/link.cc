#include "probe/adi/link.h"

#include <array>
#include <bit>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probe/adi/registers.h"
#include "probe/bits.h"
#include "probe/error.h"

namespace probegate::adi {
namespace {

constexpr size_t kResetOnes = 50;            // §B4.3.3: at least this many clocks high
constexpr size_t kRequestBits = 8;           // start, APnDP, RnW, A[3:2], parity, stop, park
constexpr size_t kResponseBits = 5;          // turnaround, three bits of ACK that no target drives, turnaround
constexpr uint8_t kTargetSelRequest = 0x99;  // a write of DP register 0xC

void AppendLineReset(BitString& bits) {
  bits.Append(~uint64_t{0}, 56);
  bits.Append(0, 8);
}

// §B5.3.2.
void AppendJtagToSwd(BitString& bits) {
  bits.Append(~uint64_t{0}, 56);
  bits.Append(0xE79E, 16);
  AppendLineReset(bits);
}

// §B5.3.4: the selection alert, then the four low clocks that come before an activation code.
void AppendSelectionAlert(BitString& bits) {
  bits.Append(0xFF, 8);
  bits.Append(0x86852D956209F392u, 64);
  bits.Append(0x19BC0EA2E3DDAFE9u, 64);
  bits.Append(0, 4);
}

void AppendDormantToSwd(BitString& bits) {
  AppendSelectionAlert(bits);
  bits.Append(0x1A, 8);
  AppendLineReset(bits);
}

// IEEE 1149.1 §6.1: five ones lead from any state to Test-Logic-Reset, and a zero from there to Run-Test/Idle.
void AppendTapReset(BitString& bits) {
  bits.Append(0xFF, 8);
  bits.Append(0, 8);
}

// §B5.3.3.
void AppendSwdToJtag(BitString& bits) {
  bits.Append(~uint64_t{0}, 56);
  bits.Append(0xE73C, 16);
  AppendTapReset(bits);
}

void AppendDormantToJtag(BitString& bits) {
  AppendSelectionAlert(bits);
  bits.Append(0x0A, 8);
  AppendTapReset(bits);
}

void AppendTargetSelect(BitString& bits, uint32_t target) {
  bits.Append(kTargetSelRequest, kRequestBits);
  bits.Append(0, kResponseBits);
  bits.Append(target, 32);
  bits.Append(static_cast<unsigned>(std::popcount(target)) & 1, 1);
  bits.Append(0, 8);
}

struct WakeRow {
  std::string_view name;
  void (*append)(BitString&);
};
constexpr std::array<WakeRow, 3> kSwdWakes = {{
    {"a line reset", AppendLineReset},
    {"JTAG-to-SWD", AppendJtagToSwd},
    {"dormant-to-SWD", AppendDormantToSwd},
}};
constexpr std::array<WakeRow, 3> kJtagWakes = {{
    {"Test-Logic-Reset", AppendTapReset},
    {"SWD-to-JTAG", AppendSwdToJtag},
    {"dormant-to-JTAG", AppendDormantToJtag},
}};

// `select_first`: writes SELECT before the read. For JTAG; an SW-DP would not answer that write.
absl::StatusOr<uint32_t> ReadDpIdr(Probe& probe, bool select_first) {
  uint32_t dpidr = 0;
  const uint32_t bank_0 = 0;
  const std::array<TransferOp, 2> ops = {
      TransferOp{.port = Port::kDp, .address = kDpSelect, .write = absl::MakeConstSpan(&bank_0, 1)},
      TransferOp{.port = Port::kDp, .address = kDpIdr, .read = absl::MakeSpan(&dpidr, 1)}};
  const TransferResult result = probe.Transfer(absl::MakeConstSpan(ops).subspan(select_first ? 0 : 1));
  if (!result.status.ok()) return result.status;
  return dpidr;
}

// Whether another wake-up sequence may help, because the wire failed and not the probe.
bool IsOfTheWire(const absl::Status& status) {
  return IsError(status, ErrorKind::kTransferError) || IsError(status, ErrorKind::kTransferTimeout) ||
         IsError(status, ErrorKind::kTransferFault);
}

uint64_t BitsAt(absl::Span<const uint8_t> bits, size_t first, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= uint64_t{BitAt(bits, first + i)} << i;
  return value;
}

std::optional<uint32_t> TargetSelectAt(absl::Span<const uint8_t> bits, size_t bit_count, size_t first) {
  constexpr size_t kDataAt = kRequestBits + kResponseBits;
  if (bit_count - first < kDataAt + 33) return std::nullopt;
  if (BitsAt(bits, first, kRequestBits) != kTargetSelRequest) return std::nullopt;
  const uint64_t data = BitsAt(bits, first + kDataAt, 33);
  if (std::popcount(data) % 2 != 0) return std::nullopt;
  return static_cast<uint32_t>(data);
}

// A request other than a write of TARGETSEL: a start bit, two bits that say which register, two of its address, their
// parity, a stop bit and a park bit (§B4.2.1).
bool IsRequestAt(absl::Span<const uint8_t> bits, size_t bit_count, size_t first) {
  if (bit_count - first < kRequestBits) return false;
  const uint64_t request = BitsAt(bits, first, kRequestBits);
  const bool stop = (request >> 6) & 1;
  const bool park = (request >> 7) & 1;
  return request != kTargetSelRequest && !stop && park && std::popcount((request >> 1) & 0x1F) % 2 == 0;
}

absl::StatusOr<uint32_t> Establish(Probe& probe, absl::Span<const WakeRow> wakes, std::optional<uint32_t> target_select,
                                   bool select_first, std::string_view hint) {
  absl::Status last;
  std::string tried;
  for (const WakeRow& wake : wakes) {
    BitString bits;
    wake.append(bits);
    if (target_select) AppendTargetSelect(bits, *target_select);
    if (absl::Status sent = probe.SwjSequence(bits.size(), bits.bytes()); !sent.ok()) return sent;

    absl::StatusOr<uint32_t> dpidr = ReadDpIdr(probe, select_first);
    if (dpidr.ok() || !IsOfTheWire(dpidr.status())) return dpidr;
    last = dpidr.status();
    tried += (tried.empty() ? "" : ", ") + std::string(wake.name);
  }
  return MakeError(GetError(last),
                   "no debug port answers after " + tried + ": " + std::string(last.message()) + std::string(hint));
}

}  // namespace

absl::StatusOr<uint32_t> EstablishSwdLink(Probe& probe, std::optional<uint32_t> target_select) {
  const std::string_view hint = target_select ? "; is there a debug port with this TARGETSEL?"
                                              : "; if there are several on the wire, select one with TARGETSEL";
  return Establish(probe, kSwdWakes, target_select, false, hint);
}

absl::StatusOr<uint32_t> EstablishJtagLink(Probe& probe) {
  return Establish(probe, kJtagWakes, std::nullopt, true, {});
}

RawEffect EffectOf(absl::Span<const uint8_t> bits, size_t bit_count) {
  // A request's start bit is the first high bit after idle clocks, and TARGETSEL can only be written by the first
  // request after a line reset. The same bits elsewhere, such as in a selection alert, are not a write of TARGETSEL.
  RawEffect effect;
  bool idle = true;
  size_t ones = 0;
  const auto note_reset = [&] {
    if (ones < kResetOnes) return;
    effect = {.line_reset = true};
    idle = true;
  };
  for (size_t i = 0; i < bit_count; ++i) {
    if (!BitAt(bits, i)) {
      note_reset();
      ones = 0;
      continue;
    }
    if (std::exchange(idle, false)) {
      effect.target_select = TargetSelectAt(bits, bit_count, i);
      effect.request = IsRequestAt(bits, bit_count, i);
    }
    ++ones;
  }
  note_reset();
  return effect;
}

}  // namespace probegate::adi
