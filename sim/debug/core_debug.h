// A core as its debugger sees it: DHCSR, DCRSR, DCRDR and DEMCR over a Processor (ARMv7-M ARM §C1.6).
//
// To be called between two runs of the processor. Its own program may call too, while it runs: but DHCSR is the
// debugger's alone, and what a program writes there is ignored.
#pragma once

#include <cstdint>

#include "sim/cpu/processor.h"

namespace probegate::sim {

class CoreDebug {
 public:
  // `processor` must outlive it.
  explicit CoreDebug(Processor& processor) : processor_(processor), debug_(processor.debug()) {}

  // DHCSR as read: S_RESET_ST and S_RETIRE_ST clear with it. Writes take effect only with the key (§C1.6.2).
  uint32_t ReadDhcsr();
  void WriteDhcsr(uint32_t value);

  // DCRSR: moves one register between the core and DCRDR. Only a halted core has S_REGRDY again afterwards (§C1.6.3).
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
