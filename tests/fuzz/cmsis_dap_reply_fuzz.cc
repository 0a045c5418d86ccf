// Decodes arbitrary replies of a CMSIS-DAP device to requests of any shape. Nothing may be read or written out of
// bounds, and the outcome that a decoder reports must fit the request.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "probe/cmsis_dap/jtag_chain.h"
#include "probe/cmsis_dap/jtag_commands.h"
#include "probe/cmsis_dap/jtag_encoder.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/cmsis_dap/swd_encoder.h"
#include "probe/cmsis_dap/swo_commands.h"
#include "probe/cmsis_dap/transfer_block.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint32_t kUntouched = 0xDEADBEEF;
constexpr size_t kPacketSize = 512;

void Check(bool condition) {
  if (!condition) std::abort();
}

void CheckOutcome(const std::optional<TransferOutcome>& outcome, size_t asked) {
  if (!outcome) return;
  Check(outcome->completed <= asked);
  Check((outcome->ack == kAckOk) == (outcome->completed == asked));
}

// Each byte of `shape` is one transfer: bit 0 APnDP, bit 1 RnW, bits 3:2 the address.
void DecodeTransfer(TransferEncoder& packet, absl::Span<const uint8_t> shape, absl::Span<const uint8_t> reply) {
  const std::vector<uint32_t> word = {0x12345678};
  std::vector<std::vector<uint32_t>> reads;
  reads.reserve(shape.size());
  packet.Clear();
  size_t added = 0;
  for (const uint8_t bits : shape) {
    TransferOp op{.port = (bits & 1) != 0 ? Port::kAp : Port::kDp, .address = static_cast<uint8_t>(bits & 0xC)};
    if ((bits & 2) != 0) {
      op.read = absl::MakeSpan(reads.emplace_back(1, kUntouched));
    } else {
      op.write = word;
    }
    if (!packet.Add(op, 0)) break;
    ++added;
  }
  packet.Close();
  Check(packet.size() == added && packet.bytes().size() <= kPacketSize);
  if (!packet.empty()) CheckOutcome(packet.Decode(reply), added);
}

void DecodeBlock(bool read, size_t words, absl::Span<const uint8_t> reply) {
  std::vector<uint32_t> data(words, kUntouched);
  TransferOp op{.port = Port::kAp, .address = 0xC};
  if (read) {
    op.read = absl::MakeSpan(data);
  } else {
    op.write = data;
  }
  if (words == 0) return;
  CheckOutcome(TransferBlock{op}.Decode(reply), words);
}

// Whatever TDO shows, a chain has a debug port, and lengths for all its TAPs.
void DecodeScans(const JtagChainSetting& setting, absl::Span<const uint8_t> reply) {
  const std::vector<uint8_t> tdi = IrScanTdi(JtagScan::MaxBytes(kSmallestPacket));
  const auto tdo = JtagScan{.instructions = true, .tdi = tdi}.Decode(reply);
  if (!tdo) return;
  Check(tdo->size() == tdi.size());
  const auto taps = ReadTaps(*tdo);
  if (!taps.ok()) return;
  const auto chain = ChainFromIrScan(*taps, setting, *tdo);
  if (chain.ok()) Check(chain->ir_lengths.size() == taps->idcodes.size() && chain->device < taps->idcodes.size());
}

void DecodeOthers(absl::Span<const uint8_t> shape, absl::Span<const uint8_t> reply) {
  static_cast<void>(StatusByte(reply));
  static_cast<void>(Connect{false}.Decode(reply));
  static_cast<void>(ResetTarget{}.Decode(reply));
  static_cast<void>(SwjPins{}.Decode(reply));
  if (const auto info = Info{}.Decode(reply)) {
    Check(info->bytes.size() <= reply.size());
    Check(info->Text().size() <= info->value().size());
    Check(info->Number().has_value() == (!info->value().empty() && info->value().size() <= 4));
  }
  static_cast<void>(SwoBaudrate{}.Decode(reply));
  static_cast<void>(SwoStatus{}.Decode(reply));
  const SwoRead swo{static_cast<uint16_t>(shape.size())};
  if (const auto data = swo.Decode(reply)) {
    const std::vector<uint8_t> copy(data->bytes.begin(), data->bytes.end());  // reads each byte
    Check(copy.size() <= swo.most);
  }
  const std::vector<uint8_t> tdi(kPacketSize);
  const size_t cycles = std::min(shape.size() * 7 + 1, JtagSequence::MaxCycles(kPacketSize));
  const JtagSequence sequence{{.cycles = cycles, .capture = true, .tdi = tdi}};
  if (const auto tdo = sequence.Decode(reply)) Check(tdo->size() == (cycles + 7) / 8);
  DecodeScans(shape.size() % 2 != 0 ? JtagChainSetting{} : JtagChainSetting{.device = shape.size() % 5}, reply);
  std::vector<SwdSegment> segments;
  for (const uint8_t bits : shape) {
    const uint32_t clocks = bits % 64 + 1;
    const size_t bytes = (bits & 0x80) != 0 ? 0 : (clocks + 7) / 8;
    segments.push_back({.cycles = clocks, .output = std::vector<uint8_t>(bytes)});
  }
  std::vector<uint8_t> packet(kPacketSize);
  const size_t count = SwdSequence::Fit(segments, kPacketSize);
  const SwdSequence command{absl::MakeConstSpan(segments).first(count)};
  Check(command.Encode(absl::MakeSpan(packet)) != 0);
  const auto captured = command.Decode(reply);
  if (!captured) return;
  size_t capturing = 0;
  for (const SwdSegment& segment : command.segments) capturing += segment.output.empty() ? 1 : 0;
  Check(captured->size() == capturing);
}

// The first byte says how many of the bytes after it are the request's shape; the rest is the reply.
void Run(const uint8_t* data, size_t size) {
  if (size == 0) return;
  const size_t shape_size = std::min<size_t>(data[0], size - 1);
  const absl::Span<const uint8_t> shape(data + 1, shape_size);
  // A copy of exactly this size, so that a sanitizer notices a read beyond its end.
  const std::vector<uint8_t> reply(data + 1 + shape_size, data + size);
  SwdEncoder swd(kPacketSize);
  JtagEncoder jtag(kPacketSize);
  DecodeTransfer(swd, shape, reply);
  DecodeTransfer(jtag, shape, reply);
  DecodeBlock((data[0] & 1) != 0, shape_size, reply);
  DecodeOthers(shape, reply);
}

}  // namespace
}  // namespace probegate::cmsis_dap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  probegate::cmsis_dap::Run(data, size);
  return 0;
}
