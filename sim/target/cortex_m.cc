#include "sim/target/cortex_m.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kDhcsrKey = 0xA05F;
constexpr uint32_t kDebugEn = 1u << 0;
constexpr uint32_t kHalt = 1u << 1;
constexpr uint32_t kStep = 1u << 2;
constexpr uint32_t kMaskInts = 1u << 3;
constexpr uint32_t kSnapStall = 1u << 5;
constexpr uint32_t kControlBits = kDebugEn | kHalt | kStep | kMaskInts | kSnapStall;
constexpr uint32_t kRegReady = 1u << 16;
constexpr uint32_t kHalted = 1u << 17;
constexpr uint32_t kRetired = 1u << 24;
constexpr uint32_t kWasReset = 1u << 25;

constexpr uint32_t kDemcrWritable = 0x010F07F1;
constexpr uint32_t kVectorCatchReset = 1u << 0;

constexpr uint32_t kDfsrHalted = 1u << 0;
constexpr uint32_t kDfsrVectorCatch = 1u << 3;

// DCRSR (§C1.6.3): register selectors.
constexpr uint32_t kSelectorMask = 0x7F;
constexpr uint32_t kWriteRegister = 1u << 16;
constexpr uint32_t kSp = 13;
constexpr uint32_t kLr = 14;
constexpr uint32_t kPc = 15;
constexpr uint32_t kXpsr = 16;
constexpr uint32_t kMsp = 17;
constexpr uint32_t kPsp = 18;
constexpr uint32_t kSpecial = 20;  // CONTROL, FAULTMASK, BASEPRI, PRIMASK
constexpr uint32_t kFpscr = 0x21;
constexpr uint32_t kFirstFloat = 0x40;

constexpr uint32_t kXpsrThumb = 1u << 24;
constexpr uint32_t kXpsrException = 0x1FF;
constexpr uint32_t kSpecialWritable = 0x0701E001;  // three bits of priority
constexpr uint32_t kControlSpsel = 1u << 25;

}  // namespace

CortexM::CortexM(Bus& bus) : bus_(bus) { LeaveReset(); }

uint32_t CortexM::ReadDhcsr() {
  const bool running = !halted_ && !held_;
  const uint32_t value = control_bits_ | (register_ready_ ? kRegReady : 0) | (halted_ ? kHalted : 0) |
                         (retired_ || running ? kRetired : 0) | (was_reset_ ? kWasReset : 0);
  retired_ = false;
  was_reset_ = held_;
  return value;
}

void CortexM::WriteDhcsr(uint32_t value) {
  if (value >> 16 != kDhcsrKey) return;
  control_bits_ = (value & kDebugEn) != 0 ? value & kControlBits : 0;
  if (held_) return;
  if ((control_bits_ & kHalt) != 0) {
    if (!halted_) Halt(kDfsrHalted);
  } else if (halted_) {
    halted_ = false;
    retired_ = true;
    if ((control_bits_ & kStep) != 0) Halt(kDfsrHalted);
  }
}

void CortexM::Halt(uint32_t reason) {
  halted_ = true;
  control_bits_ |= kHalt;
  dfsr_ |= reason;
}

void CortexM::WriteDcrsr(uint32_t value) {
  register_ready_ = halted_;
  if (!halted_) return;
  if ((value & kWriteRegister) != 0) {
    WriteRegister(value & kSelectorMask, dcrdr_);
  } else {
    dcrdr_ = ReadRegister(value & kSelectorMask);
  }
}

void CortexM::WriteDemcr(uint32_t value) { demcr_ = value & kDemcrWritable; }

void CortexM::Reset() {
  halted_ = false;
  control_bits_ &= ~kHalt;
  LeaveReset();
}

void CortexM::HoldReset(bool held) {
  if (held == held_) return;
  held_ = held;
  was_reset_ = true;
  if (held) {
    halted_ = false;
    control_bits_ &= ~kHalt;
  } else {
    LeaveReset();
  }
}

void CortexM::LeaveReset() {
  registers_ = {};
  const uint32_t stack = bus_.Read(0, 4).value_or(0);
  const uint32_t entry = bus_.Read(4, 4).value_or(0);
  registers_[kMsp] = stack & ~3u;
  registers_[kLr] = 0xFFFFFFFF;
  registers_[kPc] = entry & ~1u;
  registers_[kXpsr] = (entry & 1) != 0 ? kXpsrThumb : 0;
  was_reset_ = true;
  if ((control_bits_ & kDebugEn) == 0) return;
  if ((demcr_ & kVectorCatchReset) != 0) {
    Halt(kDfsrVectorCatch);
  } else if ((control_bits_ & kHalt) != 0) {
    Halt(kDfsrHalted);
  }
}

uint32_t CortexM::StackPointer() const {
  const bool thread = (registers_[kXpsr] & kXpsrException) == 0;
  return thread && (registers_[kSpecial] & kControlSpsel) != 0 ? kPsp : kMsp;
}

uint32_t CortexM::ReadRegister(uint32_t selector) const {
  if (selector == kSp) selector = StackPointer();
  return selector < kRegisterCount ? registers_[selector] : 0;
}

void CortexM::WriteRegister(uint32_t selector, uint32_t value) {
  if (selector == kSp) selector = StackPointer();
  if (selector == kMsp || selector == kPsp) value &= ~3u;
  if (selector == kPc) value &= ~1u;
  if (selector == kSpecial) value &= kSpecialWritable;
  const bool known = selector <= kPsp || selector == kSpecial || selector == kFpscr || selector >= kFirstFloat;
  if (known && selector < kRegisterCount) registers_[selector] = value;
}

}  // namespace probegate::sim
