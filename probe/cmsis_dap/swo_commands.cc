#include "probe/cmsis_dap/swo_commands.h"

#include <algorithm>

#include "probe/cmsis_dap/packet_writer.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kStreamError = 1u << 6;
constexpr uint8_t kOverrun = 1u << 7;
constexpr size_t kDataHead = 4;  // command, status, count
constexpr size_t kStatusSize = 6;

}  // namespace

size_t SwoTransport::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U8(transport).size();
}

size_t SwoMode::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).U8(mode).size(); }

size_t SwoControl::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U8(start ? 1 : 0).size();
}

size_t SwoBaudrate::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).U32(baud).size(); }

std::optional<SwoBaudrate::Reply> SwoBaudrate::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < 5) return std::nullopt;
  return Reply{.baud = ReadU32(&reply[1])};
}

uint16_t SwoRead::MaxBytes(size_t packet_size) {
  return static_cast<uint16_t>(std::min<size_t>(packet_size - kDataHead, UINT16_MAX));
}

size_t SwoRead::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).U16(most).size(); }

std::optional<SwoRead::Reply> SwoRead::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < kDataHead) return std::nullopt;
  const size_t count = ReadU16(&reply[2]);
  if (count > most || reply.size() - kDataHead < count) return std::nullopt;
  return Reply{.garbled = (reply[1] & kStreamError) != 0,
               .overrun = (reply[1] & kOverrun) != 0,
               .bytes = reply.subspan(kDataHead, count)};
}

size_t SwoStatus::Encode(absl::Span<uint8_t> packet) const { return PacketWriter(packet, kCommand).size(); }

std::optional<SwoStatus::Reply> SwoStatus::Decode(absl::Span<const uint8_t> reply) const {
  if (reply.size() < kStatusSize) return std::nullopt;
  return Reply{.garbled = (reply[1] & kStreamError) != 0, .overrun = (reply[1] & kOverrun) != 0};
}

}  // namespace probegate::cmsis_dap
