// The System Control Space of a Cortex-M4F: the registers by which a debugger knows, halts and resets the core (ARMv7-M
// Architecture Reference Manual §B3.2 and §C1.6).
//
// Interrupt, fault and MPU registers keep what is written and do nothing: no code runs that they could act on.
#pragma once

#include "sim/target/cortex_m.h"
#include "sim/target/register_block.h"

namespace probegate::sim {

class SystemControl : public RegisterBlock {
 public:
  static constexpr uint32_t kBase = 0xE000E000;

  // `core` must outlive it.
  explicit SystemControl(CortexM& core);

  // The reset line of core and registers; the debug registers keep their values.
  void HoldReset(bool held);

 protected:
  uint32_t ReadWord(uint32_t offset) override;
  void WriteWord(uint32_t offset, uint32_t value) override;

 private:
  void WriteAircr(uint32_t value);
  void Reset();

  CortexM& core_;
};

}  // namespace probegate::sim
