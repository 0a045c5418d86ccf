#include "probe/cmsis_dap/jtag_commands.h"

#include <algorithm>

#include "probe/cmsis_dap/packet_writer.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kOneDevice = 1;
constexpr uint8_t kInstructionBits = 4;

// The longest sequence; a packet has many.
constexpr size_t kSequenceCycles = 64;
constexpr size_t kSequenceBytes = kSequenceCycles / 8;
constexpr uint8_t kTms = 1u << 6;
constexpr uint8_t kCapture = 1u << 7;
constexpr size_t kHeaderSize = 2;

}  // namespace

size_t JtagConfigure::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U8(kOneDevice).U8(kInstructionBits).size();
}

size_t JtagSequence::MaxCycles(size_t packet_size) {
  return std::min(kMaxItems, (packet_size - kHeaderSize) / (1 + kSequenceBytes)) * kSequenceCycles;
}

size_t JtagSequence::Encode(absl::Span<uint8_t> packet) const {
  const size_t count = (stretch.cycles + kSequenceCycles - 1) / kSequenceCycles;
  PacketWriter writer(packet, kCommand);
  writer.U8(static_cast<unsigned>(count));
  for (size_t first = 0; first < stretch.cycles; first += kSequenceCycles) {
    const size_t cycles = std::min(kSequenceCycles, stretch.cycles - first);
    writer.U8(static_cast<unsigned>(cycles % kSequenceCycles) | (stretch.tms ? kTms : 0u) |
              (stretch.capture ? kCapture : 0u));
    writer.Bytes(stretch.tdi.subspan(first / 8, ByteCount(cycles)));
  }
  return writer.size();
}

std::optional<JtagSequence::Reply> JtagSequence::Decode(absl::Span<const uint8_t> reply) const {
  if (StatusByte(reply) != kStatusOk) return std::nullopt;
  if (!stretch.capture) return Reply();
  const size_t bytes = ByteCount(stretch.cycles);
  reply.remove_prefix(kHeaderSize);
  if (reply.size() < bytes) return std::nullopt;
  return Reply(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(bytes));
}

}  // namespace probegate::cmsis_dap
