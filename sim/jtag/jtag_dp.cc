#include "sim/jtag/jtag_dp.h"

namespace probegate::sim {
namespace {

constexpr unsigned kInstructionBits = 4;

// Instructions (§B3.2.1). All others are BYPASS.
constexpr uint64_t kAbort = 0b1000;
constexpr uint64_t kDpacc = 0b1010;
constexpr uint64_t kApacc = 0b1011;
constexpr uint64_t kIdcode = 0b1110;

constexpr unsigned kAccessBits = 35;

constexpr uint64_t kAckOkOrFault = 0b010;
constexpr uint64_t kAckWait = 0b001;

}  // namespace

JtagDp::JtagDp(DebugPort& port, uint32_t idcode) : Tap(kInstructionBits, kIdcode), port_(port), idcode_(idcode) {}

Tap::Register JtagDp::Captured(uint64_t instruction) {
  switch (instruction) {
    case kAbort:
      return {0, kAccessBits};
    case kDpacc:
    case kApacc:
      return CaptureAccess();
    case kIdcode:
      return Idcode(idcode_);
    default:
      return kBypass;
  }
}

Tap::Register JtagDp::CaptureAccess() {
  waiting_ = port_.ScanMustWait();
  return {waiting_ ? kAckWait : uint64_t{result_} << 3 | kAckOkOrFault, kAccessBits};
}

void JtagDp::Update(uint64_t instruction, uint64_t value) {
  if (instruction == kAbort) port_.Write({.ap = false, .read = false, .address = 0}, static_cast<uint32_t>(value >> 3));
  if (instruction == kDpacc || instruction == kApacc) Access(instruction == kApacc, value);
}

void JtagDp::Access(bool ap, uint64_t scan) {
  if (waiting_) return;
  const SwdRequest request{.ap = ap, .read = (scan & 1) != 0, .address = static_cast<uint8_t>((scan >> 1 & 3) << 2)};
  if (request.read) {
    result_ = port_.ScanRead(request);
  } else {
    port_.ScanWrite(request, static_cast<uint32_t>(scan >> 3));
  }
}

}  // namespace probegate::sim
