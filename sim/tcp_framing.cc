#include "sim/tcp_framing.h"

#include <algorithm>

#include "sim/cmsis_dap/message.h"

namespace probegate::sim {
namespace {

constexpr size_t kTraceRequestSize = 2;

FrameHeader Header(uint8_t type, uint16_t size) {
  FrameHeader header;
  ReplyWriter writer(header);
  writer.U32(kFrameSignature);
  writer.U16(size);
  writer.U8(type);
  writer.U8(0);
  return header;
}

}  // namespace

FrameHeader ResponseHeader(uint16_t packet_size) { return Header(kFrameResponse, packet_size); }

FrameHeader TraceHeader(uint16_t size) { return Header(kFrameTrace, size); }

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
  const bool is_trace = type == kFrameTraceRequest;
  const bool size_fits = is_trace ? size == kTraceRequestSize : size >= 1 && size <= kMaxPacketSize;
  if (signature != kFrameSignature || (type != kFrameRequest && !is_trace) || reserved != 0 || !size_fits) {
    return Status::kBad;
  }
  if (held.size() < kFrameHeaderSize + size) return Status::kIncomplete;
  packet = held.subspan(kFrameHeaderSize, size);
  begin_ += kFrameHeaderSize + size;
  return is_trace ? Status::kTrace : Status::kPacket;
}

}  // namespace probegate::sim
