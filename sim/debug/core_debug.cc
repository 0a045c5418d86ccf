#include "sim/debug/core_debug.h"

#include <iterator>

namespace probegate::sim {
namespace {

constexpr uint32_t kDhcsrKey = 0xA05F;
constexpr uint32_t kDebugEn = 1u << 0;
constexpr uint32_t kHalt = 1u << 1;
constexpr uint32_t kStep = 1u << 2;
constexpr uint32_t kMaskInts = 1u << 3;
constexpr uint32_t kSnapStall = 1u << 5;
constexpr uint32_t kRegReady = 1u << 16;
constexpr uint32_t kHalted = 1u << 17;
constexpr uint32_t kSleeps = 1u << 18;
constexpr uint32_t kLockedUp = 1u << 19;
constexpr uint32_t kRetired = 1u << 24;
constexpr uint32_t kWasReset = 1u << 25;

constexpr uint32_t kDemcrWritable = 0x010F07F1;

// DCRSR (§C1.6.3): register selectors.
constexpr uint32_t kSelectorMask = 0x7F;
constexpr uint32_t kWriteRegister = 1u << 16;
constexpr uint32_t kSpecial = 20;  // CONTROL, FAULTMASK, BASEPRI, PRIMASK
constexpr uint32_t kFpscr = 0x21;
constexpr uint32_t kFirstFloat = 0x40;
constexpr uint32_t kLastFloat = 0x5F;
constexpr uint32_t kPsp = 18;
constexpr uint32_t kMsp = 17;
constexpr uint32_t kSp = 13;

constexpr uint32_t kXpsrWritable = 0xFF0FFDFF;
constexpr uint32_t kPriorityBits = 0xE0;

bool IsCoreRegister(uint32_t selector) {
  return selector <= kPsp || selector == kFpscr || (selector >= kFirstFloat && selector <= kLastFloat);
}

// The four bytes of selector 20, starting with the lowest.
struct SpecialRow {
  CpuRegister reg;
  uint32_t writable;
};
constexpr SpecialRow kSpecials[] = {
    {CpuRegister::kPrimask, 1},
    {CpuRegister::kBasepri, kPriorityBits},
    {CpuRegister::kFaultmask, 1},
    {CpuRegister::kControl, 7},
};

}  // namespace

void CoreDebug::PowerUp() {
  dcrdr_ = 0;
  register_ready_ = true;
}

uint32_t CoreDebug::ReadDhcsr() {
  const uint32_t value = (debug_.enabled ? kDebugEn : 0) | (debug_.halt ? kHalt : 0) | (debug_.step ? kStep : 0) |
                         (debug_.mask_interrupts ? kMaskInts : 0) | (debug_.snap_stall ? kSnapStall : 0) |
                         (register_ready_ ? kRegReady : 0) | (debug_.halted ? kHalted : 0) |
                         (processor_.asleep() ? kSleeps : 0) | (processor_.locked_up() ? kLockedUp : 0) |
                         (debug_.retired ? kRetired : 0) | (debug_.was_reset ? kWasReset : 0);
  debug_.retired = processor_.running();
  debug_.was_reset = processor_.held();
  return value;
}

void CoreDebug::WriteDhcsr(uint32_t value) {
  if (value >> 16 != kDhcsrKey || processor_.running()) return;
  debug_.enabled = (value & kDebugEn) != 0;
  debug_.halt = debug_.enabled && (value & kHalt) != 0;
  debug_.step = debug_.enabled && (value & kStep) != 0;
  debug_.mask_interrupts = debug_.enabled && (value & kMaskInts) != 0;
  debug_.snap_stall = debug_.enabled && (value & kSnapStall) != 0;
  processor_.DebugChanged();
  if (processor_.held()) return;
  if (debug_.halt) {
    if (!debug_.halted) processor_.Halt(kHaltRequest);
  } else if (debug_.halted) {
    if (debug_.step) {
      processor_.Step();
    } else {
      processor_.Resume();
    }
  }
}

void CoreDebug::WriteDcrsr(uint32_t value) {
  register_ready_ = debug_.halted;
  if (!debug_.halted) return;
  if ((value & kWriteRegister) != 0) {
    WriteRegister(value & kSelectorMask, dcrdr_);
  } else {
    dcrdr_ = ReadRegister(value & kSelectorMask);
  }
}

uint32_t CoreDebug::ReadDemcr() const {
  return debug_.demcr | (processor_.nvic().IsPending(kDebugMonitor) ? kMonitorPend : 0);
}

void CoreDebug::WriteDemcr(uint32_t value) {
  debug_.demcr = value & kDemcrWritable & ~kMonitorPend;
  if ((value & kMonitorPend) != 0) {
    processor_.nvic().Pend(kDebugMonitor);
  } else {
    processor_.nvic().Unpend(kDebugMonitor);
  }
  processor_.DebugChanged();
}

uint32_t CoreDebug::ReadRegister(uint32_t selector) const {
  const CpuCore& core = processor_.core();
  if (IsCoreRegister(selector)) return core.Read(static_cast<CpuRegister>(selector));
  uint32_t value = 0;
  if (selector != kSpecial) return value;
  for (unsigned i = 0; i < std::size(kSpecials); ++i) {
    value |= (core.Read(kSpecials[i].reg) & kSpecials[i].writable) << (8 * i);
  }
  return value;
}

void CoreDebug::WriteRegister(uint32_t selector, uint32_t value) {
  CpuCore& core = processor_.core();
  if (IsCoreRegister(selector)) {
    if (selector == kSp || selector == kMsp || selector == kPsp) value &= ~3u;
    const auto reg = static_cast<CpuRegister>(selector);
    core.Write(reg, reg == CpuRegister::kXpsr ? value & kXpsrWritable : value);
  } else if (selector == kSpecial) {
    for (unsigned i = 0; i < std::size(kSpecials); ++i) {
      core.Write(kSpecials[i].reg, value >> (8 * i) & kSpecials[i].writable);
    }
  }
}

}  // namespace probegate::sim
