// The state that a core and its debugger share: what DHCSR, DEMCR and DFSR show (ARMv7-M ARM §C1.6).
//
// Plain data: Processor acts on it, CoreDebug reads and writes it as registers.
#pragma once

#include <cstdint>

namespace probegate::sim {

// DFSR: why the core has halted.
inline constexpr uint32_t kHaltRequest = 1u << 0;  // C_HALT, or a step that has ended
inline constexpr uint32_t kHaltBreakpoint = 1u << 1;
inline constexpr uint32_t kHaltWatchpoint = 1u << 2;
inline constexpr uint32_t kHaltVectorCatch = 1u << 3;

// DEMCR.
inline constexpr uint32_t kCatchCoreReset = 1u << 0;
inline constexpr uint32_t kCatchMemManage = 1u << 4;
inline constexpr uint32_t kCatchNoCoprocessor = 1u << 5;
inline constexpr uint32_t kCatchCheck = 1u << 6;
inline constexpr uint32_t kCatchState = 1u << 7;
inline constexpr uint32_t kCatchBus = 1u << 8;
inline constexpr uint32_t kCatchException = 1u << 9;
inline constexpr uint32_t kCatchHardFault = 1u << 10;
inline constexpr uint32_t kMonitorEnable = 1u << 16;
inline constexpr uint32_t kMonitorPend = 1u << 17;
inline constexpr uint32_t kTraceEnable = 1u << 24;

struct DebugState {
  bool enabled = false;  // C_DEBUGEN
  bool halt = false;     // C_HALT; the core sets it too when it halts
  bool step = false;
  bool mask_interrupts = false;
  bool snap_stall = false;
  bool halted = false;    // S_HALT
  bool retired = false;   // S_RETIRE_ST
  bool was_reset = true;  // S_RESET_ST
  uint32_t demcr = 0;
  uint32_t dfsr = 0;

  bool Catches(uint32_t catches) const { return enabled && (demcr & catches) != 0; }
  bool masks() const { return enabled && mask_interrupts; }
  bool traces() const { return (demcr & kTraceEnable) != 0; }
  void Halt(uint32_t reason) {
    halted = halt = true;
    dfsr |= reason;
  }
};

}  // namespace probegate::sim
