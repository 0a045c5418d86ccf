// A Cortex-M4F core as its debugger sees it: halted or running, its registers, its reset (ARMv7-M Architecture
// Reference Manual, part C).
//
// It executes nothing: a core that runs keeps its PC, and a step ends where it began. SystemControl is its register
// interface on the bus; this is the state behind DHCSR, DCRSR, DCRDR, DEMCR and AIRCR.
#pragma once

#include <array>
#include <cstdint>

#include "sim/target/bus.h"

namespace probegate::sim {

class CortexM {
 public:
  // Comes out of its power-on reset, running. Vectors are fetched from `bus`, which must outlive it.
  explicit CortexM(Bus& bus);

  // DHCSR as read: S_RESET_ST and S_RETIRE_ST clear with it. Writes take effect only with the key (§C1.6.2).
  uint32_t ReadDhcsr();
  void WriteDhcsr(uint32_t value);

  // DCRSR: moves one register between the core and DCRDR. Only a halted core has S_REGRDY again afterwards (§C1.6.3).
  void WriteDcrsr(uint32_t value);
  uint32_t dcrdr() const { return dcrdr_; }
  void set_dcrdr(uint32_t value) { dcrdr_ = value; }

  uint32_t demcr() const { return demcr_; }
  void WriteDemcr(uint32_t value);
  uint32_t dfsr() const { return dfsr_; }
  void ClearDfsr(uint32_t bits) { dfsr_ &= ~bits; }

  // Local reset (§B1.5.5): everything but debug's own state. Halts behind it where DEMCR.VC_CORERESET asks for that.
  void Reset();

  // The reset line: the core is held while it is asserted. A C_HALT written meanwhile halts the core as it comes out.
  void HoldReset(bool held);
  bool held() const { return held_; }
  bool halted() const { return halted_; }

 private:
  static constexpr size_t kRegisterCount = 0x60;  // r0 to xPSR by number, the rest by what selects them

  void Halt(uint32_t reason);
  void LeaveReset();
  uint32_t ReadRegister(uint32_t selector) const;
  void WriteRegister(uint32_t selector, uint32_t value);
  uint32_t StackPointer() const;

  Bus& bus_;
  std::array<uint32_t, kRegisterCount> registers_{};
  uint32_t control_bits_ = 0;  // the C_ bits of DHCSR
  uint32_t dcrdr_ = 0;
  uint32_t demcr_ = 0;
  uint32_t dfsr_ = 0;
  bool halted_ = false;
  bool held_ = false;
  bool register_ready_ = true;
  bool was_reset_ = true;
  bool retired_ = true;
};

}  // namespace probegate::sim
