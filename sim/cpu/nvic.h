// The interrupt controller: which exceptions are enabled, pending and active, and which of them comes next (ARMv7-M ARM
// §B1.5.4 and §B3.4).
//
// It has the nRF52840's 48 interrupts and three bits of priority. Its decisions do not consider PRIMASK, BASEPRI and
// FAULTMASK: those are registers of the core, and Exceptions takes them into account.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "sim/cpu/interrupt_lines.h"

namespace probegate::sim {

enum Exception : unsigned {
  kNmi = 2,
  kHardFault = 3,
  kMemManage = 4,
  kBusFault = 5,
  kUsageFault = 6,
  kSvCall = 11,
  kDebugMonitor = 12,
  kPendSv = 14,
  kSysTick = 15,
  kFirstInterrupt = 16,
};

class Nvic : public InterruptLines {
 public:
  static constexpr unsigned kInterrupts = 48;
  static constexpr unsigned kExceptions = kFirstInterrupt + kInterrupts;
  static constexpr int kNoPriority = 256;  // lower than the priority of any exception

  Nvic() { Reset(); }

  // `changed` is called when a different exception may come next.
  void OnChange(std::function<void()> changed) { changed_ = std::move(changed); }

  // Resets everything except the interrupt lines, which belong to the peripherals.
  void Reset();

  void Set(unsigned irq, bool level) override;

  void Pend(unsigned exception);
  void Unpend(unsigned exception);
  // Entry and return: a pending exception becomes active; an active one ends, and becomes pending again if its line is
  // still high.
  void Activate(unsigned exception);
  void Deactivate(unsigned exception);

  bool IsEnabled(unsigned exception) const { return (enabled_ >> exception & 1) != 0; }
  bool IsPending(unsigned exception) const { return (pending_ >> exception & 1) != 0; }
  bool IsActive(unsigned exception) const { return (active_ >> exception & 1) != 0; }
  bool AnyActive() const { return active_ != 0; }

  // The priority that counts for preemption, given PRIGROUP. NMI has -2, HardFault -1.
  int GroupPriority(unsigned exception) const;
  int GroupPriority(uint8_t priority) const;
  // The highest priority among the active exceptions; kNoPriority if none is active.
  int ActivePriority() const;

  // The pending and enabled exception that comes first; 0 if there is none. `interrupts_masked`: PendSV, SysTick and
  // interrupts do not count, because a debugger masks them (DHCSR.C_MASKINTS).
  unsigned Foremost(bool interrupts_masked) const;

  // The registers at 0x100 to 0x4EF, and ICSR, SHPR1 to SHPR3, SHCSR and STIR, by their offset in the System Control
  // Space. `ipsr` is the exception that is being handled.
  static bool HasRegister(uint32_t offset);
  // Registers whose bytes can be written individually.
  static bool HoldsPriorities(uint32_t offset);
  uint32_t ReadWord(uint32_t offset, unsigned ipsr) const;
  void WriteWord(uint32_t offset, uint32_t value);

  void SetPriorityGrouping(unsigned prigroup);

 private:
  static uint64_t Bit(unsigned exception) { return uint64_t{1} << exception; }
  uint32_t ReadIcsr(unsigned ipsr) const;
  void WriteIcsr(uint32_t value);
  uint32_t ReadShcsr() const;
  void WriteShcsr(uint32_t value);
  uint32_t ReadPriorities(unsigned first) const;
  void WritePriorities(unsigned first, uint32_t value);
  int RawPriority(unsigned exception) const;
  void Changed() const {
    if (changed_) changed_();
  }

  std::function<void()> changed_;
  uint64_t enabled_ = 0;
  uint64_t pending_ = 0;
  uint64_t active_ = 0;
  uint64_t lines_ = 0;
  unsigned prigroup_ = 0;
  std::array<uint8_t, kExceptions> priority_{};
};

}  // namespace probegate::sim
