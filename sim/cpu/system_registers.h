// The registers of the System Control Block that execution depends on (ARMv7-M ARM §B3.2), as plain values.
#pragma once

#include <cstdint>

namespace probegate::sim {

// CCR.
inline constexpr uint32_t kNonBaseThread = 1u << 0;
inline constexpr uint32_t kUserSetsPending = 1u << 1;
inline constexpr uint32_t kTrapUnaligned = 1u << 3;
inline constexpr uint32_t kTrapDivideByZero = 1u << 4;
inline constexpr uint32_t kAlignStack = 1u << 9;

// SCR.
inline constexpr uint32_t kSleepOnExit = 1u << 1;
inline constexpr uint32_t kEventOnPend = 1u << 4;

// CFSR, HFSR.
inline constexpr uint32_t kIaccViol = 1u << 0;
inline constexpr uint32_t kDaccViol = 1u << 1;
inline constexpr uint32_t kMmarValid = 1u << 7;
inline constexpr uint32_t kIbusErr = 1u << 8;
inline constexpr uint32_t kPrecisErr = 1u << 9;
inline constexpr uint32_t kUnstkErr = 1u << 11;
inline constexpr uint32_t kStkErr = 1u << 12;
inline constexpr uint32_t kBfarValid = 1u << 15;
inline constexpr uint32_t kUndefInstr = 1u << 16;
inline constexpr uint32_t kInvState = 1u << 17;
inline constexpr uint32_t kInvPc = 1u << 18;
inline constexpr uint32_t kNoCp = 1u << 19;
inline constexpr uint32_t kUnaligned = 1u << 24;
inline constexpr uint32_t kDivByZero = 1u << 25;
inline constexpr uint32_t kVectTbl = 1u << 1;
inline constexpr uint32_t kForced = 1u << 30;
inline constexpr uint32_t kDebugEvt = 1u << 31;

inline constexpr uint32_t kFpccrAutomatic = 1u << 31;  // ASPEN
inline constexpr uint32_t kFpccrLazy = 1u << 30;       // LSPEN

struct SystemRegisters {
  uint32_t vtor = 0;
  uint32_t scr = 0;
  uint32_t ccr = kAlignStack;
  uint32_t cfsr = 0;
  uint32_t hfsr = 0;
  uint32_t mmfar = 0;
  uint32_t bfar = 0;
  uint32_t cpacr = 0;
  uint32_t fpccr = kFpccrAutomatic | kFpccrLazy;
  uint32_t fpcar = 0;
  uint32_t fpdscr = 0;

  bool fpu_enabled() const { return (cpacr & 0x00300000) != 0; }
};

}  // namespace probegate::sim
