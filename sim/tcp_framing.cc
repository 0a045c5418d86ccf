#include "sim/tcp_framing.h"

#include <algorithm>

#include "sim/cmsis_dap/message.h"

namespace probegate::sim {

FrameHeader ResponseHeader(uint16_t packet_size) {
  FrameHeader header;
  ReplyWriter writer(header);
  writer.U32(kFrameSignature);
  writer.U16(packet_size);
  writer.U8(kFrameResponse);
  writer.U8(0);
  return header;
}

std::span<uint8_t> RequestFramer::Space() {
  std::copy(buffer_.begin() + begin_, buffer_.begin() + end_, buffer_.begin());
  end_ -= begin_;
  begin_ = 0;
  return std::span<uint8_t>(buffer_).subspan(end_);
}

RequestFramer::Status RequestFramer::Next(std::span<const uint8_t>& packet) {
  const std::span<const uint8_t> held = std::span<const uint8_t>(buffer_).subspan(begin_, end_ - begin_);
  if (held.size() < kFrameHeaderSize) return Status::kIncomplete;
  RequestReader header(held);
  const uint32_t signature = header.U32();
  const uint16_t size = header.U16();
  const uint8_t type = header.U8();
  const uint8_t reserved = header.U8();
  const bool size_fits = size >= 1 && size <= kMaxPacketSize;
  if (signature != kFrameSignature || type != kFrameRequest || reserved != 0 || !size_fits) return Status::kBad;
  if (held.size() < kFrameHeaderSize + size) return Status::kIncomplete;
  packet = held.subspan(kFrameHeaderSize, size);
  begin_ += kFrameHeaderSize + size;
  return Status::kPacket;
}

}  // namespace probegate::sim
