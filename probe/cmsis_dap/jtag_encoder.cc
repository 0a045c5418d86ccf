#include "probe/cmsis_dap/jtag_encoder.h"

#include "probe/adi/registers.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kReadStatus = adi::kDpCtrlStat | kRequestRead;
constexpr uint8_t kCheckStatus = kReadStatus | kMatchValue;
constexpr uint32_t kNoFlags = 0;

// The most writes that one check of the flags takes, each with a value: the mask, SELECT for bank 0, CTRL/STAT, and
// SELECT as it was before.
constexpr size_t kCheckWrites = 4;
constexpr size_t kReserve = 5;  // the most transfers of any kind that one check takes

}  // namespace

JtagEncoder::JtagEncoder(size_t packet_size, bool padded) : packet_(packet_size, padded) {
  entries_.reserve(kMaxItems);
}

size_t JtagEncoder::Capacity(bool read) const { return packet_.Capacity(read) - kReserve; }

void JtagEncoder::Clear() {
  packet_.Clear();
  entries_.clear();
  size_ = 0;
  mask_sent_ = false;
  unchecked_ = unchecked_before_ = 0;
  select_before_ = select_;
}

void JtagEncoder::AppendWrite(Kind kind, uint8_t request, uint32_t value) {
  if (packet_.AddWrite(request, value)) entries_.push_back({kind, select_});
}

// A scan returns the value of the read before it.
void JtagEncoder::AppendRead(Kind kind, uint8_t request, uint32_t* destination) {
  if (packet_.AddRead(request, destination, true)) entries_.push_back({kind, select_});
}

bool JtagEncoder::Add(const TransferOp& op, size_t index) {
  const bool read = op.is_read();
  const bool ap = op.port == Port::kAp;
  // The flags are checked after each operation, so that a failure stops the packet there.
  const size_t checks = (unchecked_ != 0 && index == 0 ? 1 : 0) + (ap ? 1 : 0);
  if (!packet_.HasRoom((read ? 0 : 1) + checks * kCheckWrites, read ? 1 : 0)) return false;
  if (index == 0) AppendStickyCheck();
  if (!ap && !read && op.address == adi::kDpSelect) select_ = op.write[index];
  const Kind kind = ap ? Kind::kAp : Kind::kDp;
  if (read) {
    AppendRead(kind, RequestByte(op), &op.read[index]);
  } else {
    AppendWrite(kind, RequestByte(op), op.write[index]);
  }
  if (ap) ++unchecked_;
  ++size_;
  return true;
}

void JtagEncoder::MakeCheck(size_t accesses) {
  Clear();
  unchecked_ = unchecked_before_ = accesses;
  AppendStickyCheck();
}

void JtagEncoder::MakeStatusRead(uint32_t& value) {
  Clear();
  InStatusBank([&] { AppendRead(Kind::kDp, kReadStatus, &value); });
  size_ = 1;
}

void JtagEncoder::MakeStatusWrite(uint32_t value) {
  Clear();
  InStatusBank([&] { AppendWrite(Kind::kDp, adi::kDpCtrlStat, value); });
  size_ = 1;
}

void JtagEncoder::AppendSelect(uint32_t value) {
  select_ = value;
  AppendWrite(Kind::kOwn, adi::kDpSelect, value);
}

void JtagEncoder::AppendStickyCheck() {
  if (unchecked_ == 0) return;
  unchecked_ = 0;
  if (!mask_sent_) AppendWrite(Kind::kOwn, kMatchMask, adi::kStickyFlags);
  mask_sent_ = true;
  InStatusBank([this] { AppendWrite(Kind::kCheck, kCheckStatus, kNoFlags); });
}

// CTRL/STAT is a register of bank 0. If SELECT is not known, no other bank has been selected since the link was made.
template <typename Append>
void JtagEncoder::InStatusBank(Append append) {
  const std::optional<uint32_t> select = select_;
  const bool elsewhere = (select.value_or(0) & adi::kSelectDpBankMask) != 0;
  if (elsewhere) AppendSelect(*select & ~adi::kSelectDpBankMask);
  append();
  if (elsewhere) AppendSelect(*select);
}

std::optional<TransferOutcome> JtagEncoder::Decode(absl::Span<const uint8_t> reply) {
  const auto decoded = packet_.Decode(reply);
  if (!decoded) return std::nullopt;
  if (decoded->ack != kAckOk) {
    select_ = decoded->begun > 0 ? entries_[decoded->begun - 1].select_after : select_before_;
  }
  return OutcomeOf(*decoded);
}

// An access to a DP is done once it is acknowledged; an access to an AP, once a check after it has found the flags
// clear.
std::optional<TransferOutcome> JtagEncoder::OutcomeOf(const TransferPacket::Reply& reply) const {
  const bool data_missing = reply.last_read != TransferPacket::LastRead::kThere;
  TransferOutcome outcome{.ack = reply.ack};
  size_t open = unchecked_before_;
  for (size_t i = 0; i < reply.begun; ++i) {
    const Kind kind = entries_[i].kind;
    if (kind == Kind::kCheck) {
      outcome.completed += open;
      open = 0;
    } else if (kind != Kind::kOwn) {
      const bool is_open = kind == Kind::kAp || (data_missing && i + 1 == reply.begun);
      ++(is_open ? open : outcome.completed);
    }
  }
  if (reply.ack == kAckOk) return outcome;
  if (reply.ack == (kAckOk | kAckMismatch)) {
    if (reply.begun == entries_.size() || entries_[reply.begun].kind != Kind::kCheck || open == 0) return std::nullopt;
    outcome.ack = kAckFault;
    outcome.uncertain = open > 1 ? open : 0;
    return outcome;
  }
  outcome.uncertain = open;
  // The firmware's own last read of RDBUFF failed. Everything requested has been done, except perhaps a write to the
  // DP.
  if (outcome.completed == size_ + unchecked_before_) {
    const Kind last = entries_.back().kind;
    if (last == Kind::kCheck || last == Kind::kOwn) return TransferOutcome{.completed = outcome.completed};
    --outcome.completed;
    outcome.uncertain = 1;
  }
  return outcome;
}

}  // namespace probegate::cmsis_dap
