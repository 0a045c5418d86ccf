// DAP_JTAG_Configure and DAP_JTAG_Sequence (CMSIS-DAP 2.1, "JTAG Commands").
#include <algorithm>

#include "probe/cmsis_dap/packet_writer.h"
#include "probe/cmsis_dap/protocol.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kOneDevice = 1;
constexpr uint8_t kInstructionBits = 4;
constexpr uint8_t kStatusOk = 0;

// A sequence is at most so long; a packet has many.
constexpr size_t kSequenceCycles = 64;
constexpr size_t kSequenceBytes = kSequenceCycles / 8;
constexpr size_t kMaxSequences = 255;
constexpr uint8_t kTms = 1u << 6;
constexpr uint8_t kCapture = 1u << 7;
constexpr size_t kHeaderSize = 2;

size_t ByteCount(size_t bits) { return (bits + 7) / 8; }

}  // namespace

size_t Encode(const JtagConfigure& /*command*/, absl::Span<uint8_t> packet) {
  return PacketWriter(packet)
      .U8(static_cast<uint8_t>(Command::kJtagConfigure))
      .U8(kOneDevice)
      .U8(kInstructionBits)
      .size();
}

size_t MaxJtagCycles(size_t packet_size) {
  return std::min(kMaxSequences, (packet_size - kHeaderSize) / (1 + kSequenceBytes)) * kSequenceCycles;
}

size_t Encode(const JtagSequence& command, absl::Span<uint8_t> packet) {
  const JtagStretch& stretch = command.stretch;
  const size_t count = (stretch.cycles + kSequenceCycles - 1) / kSequenceCycles;
  PacketWriter writer(packet);
  writer.U8(static_cast<uint8_t>(Command::kJtagSequence)).U8(static_cast<unsigned>(count));
  for (size_t first = 0; first < stretch.cycles; first += kSequenceCycles) {
    const size_t cycles = std::min(kSequenceCycles, stretch.cycles - first);
    writer.U8(static_cast<unsigned>(cycles % kSequenceCycles) | (stretch.tms ? kTms : 0u) |
              (stretch.capture ? kCapture : 0u));
    writer.Bytes(stretch.tdi.subspan(first / 8, ByteCount(cycles)));
  }
  return writer.size();
}

std::optional<std::vector<uint8_t>> DecodeJtagSequence(const JtagSequence& command, absl::Span<const uint8_t> reply) {
  if (reply.size() < kHeaderSize || reply[1] != kStatusOk) return std::nullopt;
  if (!command.stretch.capture) return std::vector<uint8_t>();
  const size_t bytes = ByteCount(command.stretch.cycles);
  reply.remove_prefix(kHeaderSize);
  if (reply.size() < bytes) return std::nullopt;
  return std::vector<uint8_t>(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(bytes));
}

}  // namespace probegate::cmsis_dap
