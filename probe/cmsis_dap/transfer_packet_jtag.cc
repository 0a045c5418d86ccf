// TransferPacket over JTAG: what looks at the sticky flags, and what its outcome says (ADIv5.2 §B3.4).
#include "probe/adi/registers.h"
#include "probe/cmsis_dap/packet_writer.h"
#include "probe/cmsis_dap/transfer_packet.h"

namespace probegate::cmsis_dap {
namespace {

constexpr size_t kHeaderSize = 3;
constexpr size_t kWordBytes = 4;

constexpr uint8_t kRequestAp = 1u << 0;
constexpr uint8_t kRequestRead = 1u << 1;
constexpr uint8_t kMatchValue = 1u << 4;  // of a read: go on only where the value is as given, under the mask
constexpr uint8_t kMatchMask = 1u << 5;   // of a write: it reaches no wire
constexpr uint8_t kCheckStatus = adi::kDpCtrlStat | kRequestRead | kMatchValue;

// The mask, SELECT for bank 0, CTRL/STAT, and SELECT as it was: what one look takes at most.
constexpr size_t kCheckEntries = 4;
constexpr size_t kCheckBytes = kCheckEntries * (1 + kWordBytes);

constexpr uint32_t kNoFlags = 0;

uint8_t RequestByte(const TransferOp& op) {
  return static_cast<uint8_t>(adi::WireAddress(op.address) | (op.port == Port::kAp ? kRequestAp : 0) |
                              (op.is_read() ? kRequestRead : 0));
}

}  // namespace

void TransferPacket::UseJtag(bool jtag) {
  jtag_ = jtag;
  select_.reset();
  Clear();
}

bool TransferPacket::AddOverJtag(const TransferOp& op, size_t index) {
  const bool read = op.is_read();
  const bool ap = op.port == Port::kAp;
  // Each operation is looked after by itself, so that a failure stops the packet at it.
  const size_t checks = (unchecked_ != 0 && index == 0 ? 1 : 0) + (ap ? 1 : 0);
  const size_t request_bytes = 1 + (read ? 0 : kWordBytes) + checks * kCheckBytes;
  if (!HasRoom(request_bytes, read ? kWordBytes : 0, 1 + checks * kCheckEntries)) return false;
  if (index == 0) AppendStickyCheck();
  const uint32_t value = read ? 0 : op.write[index];
  if (!ap && !read && op.address == adi::kDpSelect) select_ = value;
  Append({.write = !read, .ap_write = ap, .destination = read ? &op.read[index] : nullptr}, RequestByte(op), value);
  if (ap) ++unchecked_;
  ++size_;
  return true;
}

void TransferPacket::Close(size_t unchecked_before) {
  if (!jtag_) return;
  unchecked_before_ = unchecked_before;
  unchecked_ += unchecked_before;
  AppendStickyCheck();
}

void TransferPacket::AppendSelect(uint32_t value) {
  select_ = value;
  Append({.write = true, .unasked = true}, adi::kDpSelect, value);
}

void TransferPacket::AppendStickyCheck() {
  if (unchecked_ == 0) return;
  unchecked_ = 0;
  if (!mask_sent_) Append({.write = true, .unasked = true}, kMatchMask, adi::kStickyFlags);
  mask_sent_ = true;
  AppendToStatus({.unasked = true, .match = true}, kCheckStatus, kNoFlags);
}

// CTRL/STAT is a register of bank 0. Where SELECT is not known nobody has selected another since the link was made.
void TransferPacket::AppendToStatus(const Entry& entry, uint8_t request, uint32_t value) {
  const std::optional<uint32_t> select = select_;
  const bool elsewhere = (select.value_or(0) & adi::kSelectDpBankMask) != 0;
  if (elsewhere) AppendSelect(*select & ~adi::kSelectDpBankMask);
  Append(entry, request, value);
  if (elsewhere) AppendSelect(*select);
}

void TransferPacket::MakeStatusRead(uint32_t& value) {
  Clear();
  AppendToStatus({.destination = &value}, adi::kDpCtrlStat | kRequestRead, 0);
  size_ = 1;
}

void TransferPacket::MakeStatusWrite(uint32_t value) {
  Clear();
  AppendToStatus({.write = true}, adi::kDpCtrlStat, value);
  size_ = 1;
}

std::optional<TransferOutcome> TransferPacket::DecodeOverJtag(absl::Span<const uint8_t> reply) {
  if (reply.size() < kHeaderSize || reply[1] > entries_.size()) return std::nullopt;
  const size_t begun = reply[1];
  const uint8_t ack = reply[2];
  if (ack == kAckOk && begun != entries_.size()) return std::nullopt;
  if (ack != kAckOk) select_ = begun > 0 ? entries_[begun - 1].select_after : select_before_;

  absl::Span<const uint8_t> data = reply.subspan(kHeaderSize);
  for (size_t i = 0; i < begun; ++i) {
    const Entry& entry = entries_[i];
    if (entry.write || entry.match) continue;
    if (data.size() < kWordBytes) {
      // Only the last read may have been begun and not have come.
      if (ack == kAckOk || i + 1 != begun) return std::nullopt;
      return JudgeOverJtag(ack, begun, true);
    }
    if (padded_ && ack != kAckOk && i + 1 == begun) return JudgeOverJtag(ack, begun, true);
    if (entry.destination != nullptr) *entry.destination = ReadU32(data.data());
    data.remove_prefix(kWordBytes);
  }
  return JudgeOverJtag(ack, begun, false);
}

// Accesses to a DP are done once they are acknowledged, those to an AP once the flags have been found clear behind
// them.
std::optional<TransferOutcome> TransferPacket::JudgeOverJtag(uint8_t ack, size_t begun, bool data_missing) const {
  TransferOutcome outcome{.ack = ack};
  size_t open = unchecked_before_;
  for (size_t i = 0; i < begun; ++i) {
    const Entry& entry = entries_[i];
    if (entry.match) {
      outcome.completed += open;
      open = 0;
    } else if (!entry.unasked) {
      const bool is_open = entry.ap_write || (data_missing && i + 1 == begun);
      ++(is_open ? open : outcome.completed);
    }
  }
  if (ack == kAckOk) return outcome;
  if (ack == (kAckOk | kAckMismatch)) {
    if (begun == entries_.size() || !entries_[begun].match || open == 0) return std::nullopt;
    outcome.ack = kAckFault;
    outcome.uncertain = open > 1 ? open : 0;
    return outcome;
  }
  outcome.uncertain = open;
  // The firmware's own last read of RDBUFF failed, when all that was asked for was done but perhaps a write to the DP.
  if (outcome.completed == size_ + unchecked_before_) {
    if (entries_.back().match || entries_.back().unasked) return TransferOutcome{.completed = outcome.completed};
    --outcome.completed;
    outcome.uncertain = 1;
  }
  return outcome;
}

}  // namespace probegate::cmsis_dap
