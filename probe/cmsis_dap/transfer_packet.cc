#include "probe/cmsis_dap/transfer_packet.h"

#include <algorithm>

#include "probe/adi/registers.h"
#include "probe/cmsis_dap/command.h"
#include "probe/cmsis_dap/packet_writer.h"

namespace probegate::cmsis_dap {
namespace {

constexpr size_t kHeaderSize = 3;  // of a request: command, device, count; of a reply: command, count, acknowledge
constexpr size_t kCountAt = 2;

}  // namespace

uint8_t RequestByte(const TransferOp& op) {
  return static_cast<uint8_t>(adi::WireAddress(op.address) | (op.port == Port::kAp ? kRequestAp : 0) |
                              (op.is_read() ? kRequestRead : 0));
}

TransferPacket::TransferPacket(size_t packet_size, bool padded) : packet_size_(packet_size), padded_(padded) {
  bytes_.reserve(packet_size);
  transfers_.reserve(kMaxItems);
  Clear();
}

size_t TransferPacket::Capacity(bool read) const {
  return std::min(kMaxItems, (packet_size_ - kHeaderSize) / (read ? kWordBytes : kWordBytes + 1));
}

bool TransferPacket::HasRoom(size_t writes, size_t reads) const {
  return bytes_.size() + writes * (1 + kWordBytes) + reads <= packet_size_ &&
         reply_size_ + reads * kWordBytes <= packet_size_ && transfers_.size() + writes + reads <= kMaxItems;
}

void TransferPacket::Clear() {
  bytes_.assign({static_cast<uint8_t>(Command::kTransfer), device_, 0});
  transfers_.clear();
  reply_size_ = kHeaderSize;
}

void TransferPacket::Append(uint8_t request, const Transfer& transfer) {
  bytes_.push_back(request);
  transfers_.push_back(transfer);
  bytes_[kCountAt] = static_cast<uint8_t>(transfers_.size());
}

bool TransferPacket::AddWrite(uint8_t request, uint32_t value) {
  if (!HasRoom(1, 0)) return false;
  Append(request, {});
  for (unsigned shift = 0; shift < 32; shift += 8) bytes_.push_back(static_cast<uint8_t>(value >> shift));
  return true;
}

bool TransferPacket::AddRead(uint8_t request, uint32_t* destination, bool late) {
  if (!HasRoom(0, 1)) return false;
  Append(request, {.read = true, .late = late, .destination = destination});
  reply_size_ += kWordBytes;
  return true;
}

std::optional<TransferPacket::Reply> TransferPacket::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < kHeaderSize || reply[1] > size()) return std::nullopt;
  Reply result{.ack = reply[2], .begun = reply[1]};
  const bool failed = result.ack != kAckOk;
  if (!failed && result.begun != size()) return std::nullopt;

  absl::Span<const uint8_t> data = reply.subspan(kHeaderSize);
  for (size_t i = 0; i < result.begun; ++i) {
    const Transfer& transfer = transfers_[i];
    if (!transfer.read) continue;
    const bool failed_here = failed && i + 1 == result.begun;
    if (data.size() < kWordBytes) {
      if (!failed_here) return std::nullopt;
      result.last_read = LastRead::kMissing;
      return result;
    }
    if (padded_ && transfer.late && failed_here) {
      result.last_read = LastRead::kUncertain;
      return result;
    }
    if (transfer.destination != nullptr) *transfer.destination = ReadU32(data.data());
    data.remove_prefix(kWordBytes);
  }
  return result;
}

}  // namespace probegate::cmsis_dap
