// A core as its debugger sees it: the registers DHCSR, DCRSR, DCRDR and DEMCR of a Processor (ARMv7-M ARM §C1.6).
//
// To be called between two runs of the processor, or during one by accesses of the program itself. DHCSR belongs to the
// debugger alone: a program's writes to it are ignored.
#pragma once

#include <cstdint>

#include "sim/cpu/processor.h"

namespace probegate::sim {

class CoreDebug {
 public:
  // `processor` must outlive it.
  explicit CoreDebug(Processor& processor) : processor_(processor), debug_(processor.debug()) {}

  // As after power-up; the processor's own state is the processor's to reset.
  void PowerUp();

  // Reading DHCSR clears S_RESET_ST and S_RETIRE_ST. Writes take effect only with the key (§C1.6.2).
  uint32_t ReadDhcsr();
  void WriteDhcsr(uint32_t value);

  // DCRSR: moves one register between the core and DCRDR. Only a halted core sets S_REGRDY afterwards (§C1.6.3).
  void WriteDcrsr(uint32_t value);
  uint32_t dcrdr() const { return dcrdr_; }
  void set_dcrdr(uint32_t value) { dcrdr_ = value; }

  uint32_t ReadDemcr() const;
  void WriteDemcr(uint32_t value);
  uint32_t dfsr() const { return debug_.dfsr; }
  void ClearDfsr(uint32_t bits) { debug_.dfsr &= ~bits; }

 private:
  uint32_t ReadRegister(uint32_t selector) const;
  void WriteRegister(uint32_t selector, uint32_t value);

  Processor& processor_;
  DebugState& debug_;
  uint32_t dcrdr_ = 0;
  bool register_ready_ = true;
};

}  // namespace probegate::sim
