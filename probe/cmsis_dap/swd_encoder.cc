#include "probe/cmsis_dap/swd_encoder.h"

#include <algorithm>

#include "probe/adi/registers.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kReadRdbuff = adi::kDpRdbuff | kRequestRead;

// Whether an SW-DP may answer this access even if sticky flags are set (ADIv5.2 §B4.2.4). CTRL/STAT always does, but
// its address may be another register's in another bank.
bool MayAlwaysAnswer(const TransferOp& op) {
  if (op.port == Port::kAp) return false;
  return op.address == adi::kDpAbort || (op.is_read() && op.address == adi::kDpCtrlStat);
}

}  // namespace

SwdEncoder::SwdEncoder(size_t packet_size, bool padded) : packet_(packet_size, padded) { kinds_.reserve(kMaxItems); }

void SwdEncoder::Clear() {
  packet_.Clear();
  kinds_.clear();
  size_ = 0;
}

bool SwdEncoder::Add(const TransferOp& op, size_t index) {
  // After an AP write, a register that always answers would hide that the write failed, or even clear the flag that
  // says so. At the end of a packet the firmware reads RDBUFF for this by itself.
  if (!kinds_.empty() && kinds_.back() == Kind::kApWrite && MayAlwaysAnswer(op)) {
    if (!packet_.AddRead(kReadRdbuff, nullptr, false)) return false;
    kinds_.push_back(Kind::kCheck);
  }
  const bool ap = op.port == Port::kAp;
  const bool added = op.is_read() ? packet_.AddRead(RequestByte(op), &op.read[index], ap)
                                  : packet_.AddWrite(RequestByte(op), op.write[index]);
  if (!added) return false;
  kinds_.push_back(op.is_read() ? Kind::kRead : ap ? Kind::kApWrite : Kind::kDpWrite);
  ++size_;
  return true;
}

// Whether the last of the transfers that were begun has completed, after a failure. If that is a write at the end of
// the packet, the firmware's own read of RDBUFF has failed.
bool SwdEncoder::LastHasLanded(size_t begun) const {
  if (begun == 0) return true;
  const Kind kind = kinds_[begun - 1];
  return kind != Kind::kApWrite && (kind != Kind::kDpWrite || begun != kinds_.size());
}

std::optional<TransferOutcome> SwdEncoder::Decode(absl::Span<const uint8_t> reply) {
  const auto decoded = packet_.Decode(reply);
  if (!decoded) return std::nullopt;
  const size_t begun = decoded->begun;
  const bool all_there = decoded->last_read == TransferPacket::LastRead::kThere;
  const auto came = kinds_.begin() + static_cast<std::ptrdiff_t>(all_there ? begun : begun - 1);
  const auto checks = std::count(kinds_.begin(), came, Kind::kCheck);
  TransferOutcome outcome{.ack = decoded->ack,
                          .completed = static_cast<size_t>(came - kinds_.begin() - checks),
                          .uncertain = decoded->last_read == TransferPacket::LastRead::kUncertain ? 1u : 0u};
  if (outcome.ack == kAckOk) return outcome;
  if (!LastHasLanded(begun)) --outcome.completed;
  if (outcome.completed == size_) return std::nullopt;
  return outcome;
}

}  // namespace probegate::cmsis_dap
