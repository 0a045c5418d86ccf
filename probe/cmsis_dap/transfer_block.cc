#include "probe/cmsis_dap/transfer_block.h"

#include <algorithm>

#include "probe/cmsis_dap/packet_writer.h"

namespace probegate::cmsis_dap {
namespace {

constexpr size_t kRequestHeader = 5;  // command, device, count, request byte
constexpr size_t kReplyHeader = 4;    // command, count, acknowledge

}  // namespace

size_t TransferBlock::MaxWords(bool read, size_t packet_size) {
  const size_t header = read ? kReplyHeader : kRequestHeader;
  return std::min<size_t>((packet_size - header) / kWordBytes, UINT16_MAX);
}

size_t TransferBlock::Encode(absl::Span<uint8_t> packet) const {
  PacketWriter writer(packet, kCommand);
  writer.U8(device).U16(static_cast<unsigned>(op.size())).U8(RequestByte(op));
  for (const uint32_t word : op.write) writer.U32(word);
  return writer.size();
}

std::optional<TransferOutcome> TransferBlock::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < kReplyHeader) return std::nullopt;
  const size_t count = ReadU16(&reply[1]);
  TransferOutcome outcome{.ack = reply[3], .completed = count};
  if (count > op.size() || (outcome.ack == kAckOk && count != op.size())) return std::nullopt;
  if (!op.is_read()) {
    if (outcome.ack != kAckOk && count > 0 && (op.port == Port::kAp || count == op.size())) --outcome.completed;
    return outcome;
  }
  if (outcome.ack != kAckOk && count == op.size()) return std::nullopt;
  const absl::Span<const uint8_t> data = reply.subspan(kReplyHeader);
  if (data.size() / kWordBytes < count) return std::nullopt;
  for (size_t i = 0; i < count; ++i) op.read[i] = ReadU32(data.data() + kWordBytes * i);
  return outcome;
}

}  // namespace probegate::cmsis_dap
