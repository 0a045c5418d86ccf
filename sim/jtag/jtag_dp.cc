#include "sim/jtag/jtag_dp.h"

namespace probegate::sim {
namespace {

constexpr unsigned kInstructionBits = 4;
constexpr uint8_t kCapturedInstruction = 0b0001;  // IEEE 1149.1 §7.1.1: ends in 01

// Instructions (§B3.2.1). All others are BYPASS.
constexpr uint8_t kAbort = 0b1000;
constexpr uint8_t kDpacc = 0b1010;
constexpr uint8_t kApacc = 0b1011;
constexpr uint8_t kIdcode = 0b1110;

constexpr unsigned kAccessBits = 35;
constexpr unsigned kIdcodeBits = 32;
constexpr unsigned kBypassBits = 1;

constexpr uint64_t kAckOkOrFault = 0b010;
constexpr uint64_t kAckWait = 0b001;

}  // namespace

void JtagDp::Reset() {
  state_ = TapState::kTestLogicReset;
  instruction_ = kIdcode;
  lost_ = false;
}

void JtagDp::Lose() {
  lost_ = true;
  ones_ = 0;
}

bool JtagDp::tdo() const {
  const bool shifting = state_ == TapState::kShiftDr || state_ == TapState::kShiftIr;
  return lost_ || !shifting || (shift_ & 1) != 0;
}

unsigned JtagDp::RegisterBits() const {
  switch (instruction_) {
    case kAbort:
    case kDpacc:
    case kApacc:
      return kAccessBits;
    case kIdcode:
      return kIdcodeBits;
    default:
      return kBypassBits;
  }
}

bool JtagDp::Clock(bool tms, bool tdi) {
  const bool out = tdo();
  if (lost_) {
    ones_ = tms ? ones_ + 1 : 0;
    if (ones_ == kResetOnes) Reset();
    return out;
  }
  switch (state_) {
    case TapState::kCaptureDr:
      CaptureDr();
      break;
    case TapState::kCaptureIr:
      shift_ = kCapturedInstruction;
      break;
    case TapState::kShiftDr:
      shift_ = shift_ >> 1 | uint64_t{tdi} << (RegisterBits() - 1);
      break;
    case TapState::kShiftIr:
      shift_ = shift_ >> 1 | uint64_t{tdi} << (kInstructionBits - 1);
      break;
    default:
      break;
  }
  state_ = NextTapState(state_, tms);
  // These take effect at the falling edge that follows.
  if (state_ == TapState::kTestLogicReset) instruction_ = kIdcode;
  if (state_ == TapState::kUpdateIr) instruction_ = static_cast<uint8_t>(shift_);
  if (state_ == TapState::kUpdateDr) UpdateDr();
  return out;
}

void JtagDp::CaptureDr() {
  switch (instruction_) {
    case kDpacc:
    case kApacc:
      waiting_ = port_.ScanMustWait();
      shift_ = waiting_ ? kAckWait : uint64_t{result_} << 3 | kAckOkOrFault;
      break;
    case kIdcode:
      shift_ = idcode_;
      break;
    default:
      shift_ = 0;
      break;
  }
}

void JtagDp::UpdateDr() {
  if (instruction_ == kAbort)
    port_.Write({.ap = false, .read = false, .address = 0}, static_cast<uint32_t>(shift_ >> 3));
  if (instruction_ == kDpacc || instruction_ == kApacc) Access(instruction_ == kApacc);
}

void JtagDp::Access(bool ap) {
  if (waiting_) return;
  const SwdRequest request{
      .ap = ap, .read = (shift_ & 1) != 0, .address = static_cast<uint8_t>((shift_ >> 1 & 3) << 2)};
  if (request.read) {
    result_ = port_.ScanRead(request);
  } else {
    port_.ScanWrite(request, static_cast<uint32_t>(shift_ >> 3));
  }
}

}  // namespace probegate::sim
