#include "probe/cmsis_dap/protocol.h"

#include <algorithm>

#include "probe/cmsis_dap/packet_writer.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kPortSwd = 1;
constexpr uint8_t kPortJtag = 2;
constexpr uint8_t kSwdCapture = 1u << 7;
constexpr size_t kInfoHeader = 2;  // command, length

}  // namespace

size_t Info::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U8(static_cast<uint8_t>(id)).size();
}

std::optional<Info::Reply> Info::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < kInfoHeader) return std::nullopt;
  return Reply{reply.first(std::min<size_t>(kInfoHeader + reply[1], reply.size()))};
}

absl::Span<const uint8_t> Info::Reply::value() const { return bytes.subspan(kInfoHeader); }

std::string Info::Reply::Text() const {
  const absl::Span<const uint8_t> text = value();
  return {text.begin(), std::find(text.begin(), text.end(), uint8_t{0})};
}

std::optional<uint32_t> Info::Reply::Number() const {
  const absl::Span<const uint8_t> number = value();
  if (number.empty() || number.size() > sizeof(uint32_t)) return std::nullopt;
  uint32_t sum = 0;
  for (size_t i = 0; i < number.size(); ++i) sum |= uint32_t{number[i]} << (8 * i);
  return sum;
}

size_t HostConnected::Encode(absl::Span<uint8_t> packet) const {
  constexpr uint8_t kConnectLed = 0;
  return PacketWriter(packet, kCommand).U8(kConnectLed).U8(connected ? 1 : 0).size();
}

size_t Connect::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U8(jtag ? kPortJtag : kPortSwd).size();
}

std::optional<Connect::Reply> Connect::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < 2) return std::nullopt;
  return Reply{.connected = reply[1] == (jtag ? kPortJtag : kPortSwd), .port = reply[1]};
}

size_t Disconnect::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).size(); }

size_t TransferConfigure::Encode(absl::Span<uint8_t> packet) const {
  constexpr uint16_t kMatchRetries = 0;
  return PacketWriter(packet, kCommand).U8(idle_cycles).U16(wait_retries).U16(kMatchRetries).size();
}

size_t TransferAbort::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).size(); }

size_t WriteAbort::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U8(device).U32(value).size();
}

size_t Delay::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U16(microseconds).size();
}

size_t ResetTarget::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).size(); }

std::optional<ResetTarget::Reply> ResetTarget::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < 3) return std::nullopt;
  return Reply{.was_reset = (reply[2] & 1) != 0};
}

size_t SwjPins::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U8(output).U8(select).U32(wait_microseconds).size();
}

std::string SwjPins::Argument() const {
  if ((select & kPinReset) == 0) return "(to read)";
  return (output & kPinReset) != 0 ? "nRESET=1" : "nRESET=0";
}

std::optional<SwjPins::Reply> SwjPins::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < 2) return std::nullopt;
  return Reply{.pins = reply[1]};
}

size_t SwjClock::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).U32(hertz).size(); }

size_t SwjSequence::MaxBits(size_t packet_size) {
  constexpr size_t kHeader = 2;  // command, count
  return std::min(kMaxBits, 8 * (packet_size - kHeader));
}

size_t SwjSequence::Encode(absl::Span<uint8_t> packet) const {
  if (bit_count == 0 || bit_count > kMaxBits) return 0;
  return PacketWriter(packet, kCommand).U8(bit_count % kMaxBits).Bytes(bits.first(ByteCount(bit_count))).size();
}

size_t SwdConfigure::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).U8(0).size(); }

size_t SwdSequence::Fit(absl::Span<const SwdSegment> segments, size_t packet_size) {
  size_t request = 2;
  size_t reply = 2;
  size_t count = 0;
  for (const SwdSegment& segment : segments) {
    const size_t bytes = ByteCount(segment.cycles);
    request += 1 + (segment.output.empty() ? 0 : bytes);
    reply += segment.output.empty() ? bytes : 0;
    if (request > packet_size || reply > packet_size || count == kMaxItems) break;
    ++count;
  }
  return count;
}

size_t SwdSequence::Encode(absl::Span<uint8_t> packet) const {
  PacketWriter writer(packet, kCommand);
  writer.U8(static_cast<unsigned>(segments.size()));
  for (const SwdSegment& segment : segments) {
    const unsigned cycles = segment.cycles % SwdSegment::kMaxCycles;
    if (segment.output.empty()) {
      writer.U8(cycles | kSwdCapture);
    } else {
      writer.U8(cycles).Bytes(absl::MakeConstSpan(segment.output).first(ByteCount(segment.cycles)));
    }
  }
  return writer.size();
}

std::optional<SwdSequence::Reply> SwdSequence::Decode(absl::Span<const uint8_t> reply) const {
  if (StatusByte(reply) != kStatusOk) return std::nullopt;
  reply.remove_prefix(2);
  Reply captured;
  for (const SwdSegment& segment : segments) {
    if (!segment.output.empty()) continue;
    const size_t bytes = ByteCount(segment.cycles);
    if (reply.size() < bytes) return std::nullopt;
    captured.emplace_back(reply.begin(), reply.begin() + bytes);
    reply.remove_prefix(bytes);
  }
  return captured;
}

}  // namespace probegate::cmsis_dap
