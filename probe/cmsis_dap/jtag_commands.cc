#include "probe/cmsis_dap/jtag_commands.h"

#include <algorithm>

#include "probe/cmsis_dap/packet_writer.h"

namespace probegate::cmsis_dap {
namespace {

// The longest sequence; a packet has many.
constexpr size_t kSequenceCycles = 64;
constexpr size_t kSequenceBytes = kSequenceCycles / 8;
constexpr uint8_t kTms = 1u << 6;
constexpr uint8_t kCapture = 1u << 7;
constexpr size_t kHeaderSize = 2;

constexpr size_t SequencesOf(size_t cycles) { return (cycles + kSequenceCycles - 1) / kSequenceCycles; }

size_t EncodeStretches(absl::Span<uint8_t> packet, absl::Span<const JtagStretch> stretches) {
  size_t count = 0;
  for (const JtagStretch& stretch : stretches) count += SequencesOf(stretch.cycles);
  PacketWriter writer(packet, Command::kJtagSequence);
  writer.U8(static_cast<unsigned>(count));
  for (const JtagStretch& stretch : stretches) {
    for (size_t first = 0; first < stretch.cycles; first += kSequenceCycles) {
      const size_t cycles = std::min(kSequenceCycles, stretch.cycles - first);
      writer.U8(static_cast<unsigned>(cycles % kSequenceCycles) | (stretch.tms ? kTms : 0u) |
                (stretch.capture ? kCapture : 0u));
      writer.Bytes(stretch.tdi.subspan(first / 8, ByteCount(cycles)));
    }
  }
  return writer.size();
}

std::optional<std::vector<uint8_t>> DecodeCaptured(absl::Span<const uint8_t> reply, size_t bytes) {
  if (StatusByte(reply) != kStatusOk) return std::nullopt;
  reply.remove_prefix(kHeaderSize);
  if (reply.size() < bytes) return std::nullopt;
  return std::vector<uint8_t>(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(bytes));
}

// A scan's way from state to state, with TDI high.
constexpr size_t kWaySequences = 6;
constexpr uint8_t kHighTdi = 0xFF;
constexpr JtagStretch Way(size_t cycles, bool tms) {
  return {.cycles = cycles, .tms = tms, .capture = false, .tdi = absl::MakeConstSpan(&kHighTdi, 1)};
}
constexpr size_t kMaxScanBytes = 128;

}  // namespace

size_t JtagConfigure::Encode(absl::Span<uint8_t> packet) const {
  return PacketWriter(packet, kCommand).U8(static_cast<unsigned>(ir_lengths.size())).Bytes(ir_lengths).size();
}

size_t JtagSequence::MaxCycles(size_t packet_size) {
  return std::min(kMaxItems, (packet_size - kHeaderSize) / (1 + kSequenceBytes)) * kSequenceCycles;
}

size_t JtagSequence::Encode(absl::Span<uint8_t> packet) const { return EncodeStretches(packet, {&stretch, 1}); }

std::optional<JtagSequence::Reply> JtagSequence::Decode(absl::Span<const uint8_t> reply) const {
  return DecodeCaptured(reply, stretch.capture ? ByteCount(stretch.cycles) : 0);
}

size_t JtagScan::MaxBytes(size_t packet_size) {
  const size_t sequences = (packet_size - kHeaderSize - 2 * kWaySequences) / (1 + kSequenceBytes);
  return std::min(kMaxScanBytes, sequences * kSequenceBytes);
}

size_t JtagScan::Encode(absl::Span<uint8_t> packet) const {
  const JtagStretch stretches[] = {
      Way(6, true),                     // Test-Logic-Reset
      Way(1, false),                    // Run-Test/Idle
      Way(instructions ? 2 : 1, true),  // Select-DR-Scan, Select-IR-Scan
      Way(2, false),                    // Capture, Shift
      {.cycles = tdi.size() * 8, .tms = false, .capture = true, .tdi = tdi},
      Way(2, true),   // the last bit and Exit1, Update
      Way(1, false),  // Run-Test/Idle
  };
  return EncodeStretches(packet, stretches);
}

std::optional<JtagScan::Reply> JtagScan::Decode(absl::Span<const uint8_t> reply) const {
  return DecodeCaptured(reply, tdi.size());
}

}  // namespace probegate::cmsis_dap
