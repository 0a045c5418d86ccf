#include "probe/cmsis_dap/transfer_packet.h"

#include <algorithm>

#include "probe/adi/registers.h"
#include "probe/cmsis_dap/packet_writer.h"
#include "probe/cmsis_dap/protocol.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kDapIndex = 0;  // of the devices in a JTAG chain; SWD ignores it
constexpr size_t kHeaderSize = 3;
constexpr size_t kJtagReserve = 5;  // words' room for what looks at the sticky flags
constexpr size_t kCountAt = 2;
constexpr size_t kMaxTransfers = 255;
constexpr size_t kWordBytes = 4;
constexpr size_t kBlockRequestHeader = 5;
constexpr size_t kBlockReplyHeader = 4;

constexpr uint8_t kRequestAp = 1u << 0;
constexpr uint8_t kRequestRead = 1u << 1;
constexpr uint8_t kRequestAddress = 3u << 2;
constexpr uint8_t kReadRdbuff = adi::kDpRdbuff | kRequestRead;

uint8_t RequestByte(const TransferOp& op) {
  return static_cast<uint8_t>((op.address & kRequestAddress) | (op.port == Port::kAp ? kRequestAp : 0) |
                              (op.is_read() ? kRequestRead : 0));
}

// A DP register that an SW-DP answers whatever its sticky flags (ADIv5.2 §B4.2.4), CTRL/STAT in its bank.
bool MayAlwaysAnswer(const TransferOp& op) {
  if (op.port == Port::kAp) return false;
  return op.address == adi::kDpAbort || (op.is_read() && op.address == adi::kDpCtrlStat);
}

}  // namespace

TransferPacket::TransferPacket(size_t packet_size, bool padded) : packet_size_(packet_size), padded_(padded) {
  bytes_.reserve(packet_size);
  entries_.reserve(kMaxTransfers);
  Clear();
}

size_t TransferPacket::Capacity(bool read) const {
  const size_t fits = (packet_size_ - kHeaderSize) / (read ? kWordBytes : kWordBytes + 1);
  return std::min(kMaxTransfers, fits) - (jtag_ ? kJtagReserve : 0);
}

void TransferPacket::Clear() {
  bytes_.assign({static_cast<uint8_t>(Command::kTransfer), kDapIndex, 0});
  entries_.clear();
  reply_size_ = kHeaderSize;
  size_ = 0;
  mask_sent_ = false;
  unchecked_ = unchecked_before_ = 0;
  select_before_ = select_;
}

bool TransferPacket::HasRoom(size_t request_bytes, size_t reply_bytes, size_t entries) const {
  return bytes_.size() + request_bytes <= packet_size_ && reply_size_ + reply_bytes <= packet_size_ &&
         entries_.size() + entries <= kMaxTransfers;
}

bool TransferPacket::Append(Entry entry, uint8_t request, uint32_t value) {
  const bool has_value = entry.write || entry.match;
  const size_t reply_size = has_value ? 0 : kWordBytes;
  if (!HasRoom(1 + (has_value ? kWordBytes : 0), reply_size, 1)) return false;
  entry.select_after = select_;
  bytes_.push_back(request);
  if (has_value) {
    for (unsigned shift = 0; shift < 32; shift += 8) bytes_.push_back(static_cast<uint8_t>(value >> shift));
  }
  reply_size_ += reply_size;
  entries_.push_back(entry);
  bytes_[kCountAt] = static_cast<uint8_t>(entries_.size());
  return true;
}

bool TransferPacket::Add(const TransferOp& op, size_t index) {
  if (jtag_) return AddOverJtag(op, index);
  // Behind an AP write a register that always answers would hide that it failed, or even clear the flag that says so.
  // At the end of a packet the firmware reads RDBUFF for this by itself.
  if (!entries_.empty() && entries_.back().ap_write && MayAlwaysAnswer(op)) {
    if (!Append({.unasked = true}, kReadRdbuff, 0)) return false;
  }
  const bool read = op.is_read();
  const Entry entry{.write = !read,
                    .ap_write = !read && op.port == Port::kAp,
                    .ap_read = read && op.port == Port::kAp,
                    .destination = read ? &op.read[index] : nullptr};
  if (!Append(entry, RequestByte(op), read ? 0 : op.write[index])) return false;
  ++size_;
  return true;
}

std::optional<TransferOutcome> TransferPacket::Decode(absl::Span<const uint8_t> reply) {
  if (jtag_) return DecodeOverJtag(reply);
  if (reply.size() < kHeaderSize || reply[1] > entries_.size()) return std::nullopt;
  const size_t begun = reply[1];
  TransferOutcome outcome{.ack = reply[2]};
  if (outcome.ack == kAckOk && begun != entries_.size()) return std::nullopt;

  absl::Span<const uint8_t> data = reply.subspan(kHeaderSize);
  bool last_landed = true;
  for (size_t i = 0; i < begun; ++i) {
    const Entry& entry = entries_[i];
    if (!entry.write) {
      if (data.size() < kWordBytes) {
        // Only the last read may have been begun and not have come.
        if (outcome.ack == kAckOk || i + 1 != begun) return std::nullopt;
        return outcome;
      }
      // Its value comes with the next transfer, which may be the one that failed.
      if (padded_ && entry.ap_read && outcome.ack != kAckOk && i + 1 == begun) {
        outcome.uncertain = 1;
        return outcome;
      }
      if (entry.destination != nullptr) *entry.destination = ReadU32(data.data());
      data.remove_prefix(kWordBytes);
    }
    last_landed = !entry.ap_write && (!entry.write || begun != entries_.size());
    if (!entry.unasked) ++outcome.completed;
  }
  if (outcome.ack == kAckOk) return outcome;
  if (!last_landed) --outcome.completed;
  if (outcome.completed == size_) return std::nullopt;
  return outcome;
}

size_t MaxBlockWords(bool read, size_t packet_size) {
  const size_t header = read ? kBlockReplyHeader : kBlockRequestHeader;
  return std::min<size_t>((packet_size - header) / kWordBytes, UINT16_MAX);
}

size_t EncodeTransferBlock(const TransferOp& op, absl::Span<uint8_t> packet) {
  PacketWriter writer(packet);
  writer.U8(static_cast<uint8_t>(Command::kTransferBlock)).U8(kDapIndex);
  writer.U16(static_cast<unsigned>(op.size())).U8(RequestByte(op));
  for (const uint32_t word : op.write) writer.U32(word);
  return writer.size();
}

std::optional<TransferOutcome> DecodeTransferBlock(const TransferOp& op, absl::Span<const uint8_t> reply) {
  if (reply.size() < kBlockReplyHeader) return std::nullopt;
  const size_t count = reply[1] | size_t{reply[2]} << 8;
  TransferOutcome outcome{.ack = reply[3], .completed = count};
  if (count > op.size() || (outcome.ack == kAckOk && count != op.size())) return std::nullopt;
  if (!op.is_read()) {
    if (outcome.ack != kAckOk && count > 0 && (op.port == Port::kAp || count == op.size())) --outcome.completed;
    return outcome;
  }
  if (outcome.ack != kAckOk && count == op.size()) return std::nullopt;
  const absl::Span<const uint8_t> data = reply.subspan(kBlockReplyHeader);
  if (data.size() / kWordBytes < count) return std::nullopt;
  for (size_t i = 0; i < count; ++i) op.read[i] = ReadU32(data.data() + kWordBytes * i);
  return outcome;
}

}  // namespace probegate::cmsis_dap
