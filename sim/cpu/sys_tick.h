// The system timer (ARMv7-M ARM §B3.3): a 24-bit counter that counts down at the core's clock.
//
// Nothing is done for each count: the counter's value is computed from the clock when it is read. The counter stops
// while the core is halted and, as on an nRF52840, while it sleeps.
#pragma once

#include <cstdint>

#include "sim/cpu/nvic.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class SysTick {
 public:
  SysTick(SimClock& clock, Nvic& nvic) : clock_(clock), nvic_(nvic), alarm_(clock, [this] { Expire(); }) {}

  void Reset();
  // Whether the core's clock reaches it.
  void SetClocked(bool clocked);

  // SYST_CSR, whose COUNTFLAG is cleared by a read; SYST_RVR; SYST_CVR, which is cleared by a write of any value.
  uint32_t ReadControl();
  void WriteControl(uint32_t value);
  uint32_t reload() const { return reload_; }
  void WriteReload(uint32_t value) { reload_ = value & 0xFFFFFF; }
  uint32_t ReadCurrent() const;
  void ClearCurrent();

 private:
  bool counting() const { return clocked_ && (control_ & 1) != 0; }
  void Freeze();
  void Thaw();
  void Expire();

  SimClock& clock_;
  Nvic& nvic_;
  Alarm alarm_;
  uint32_t control_ = 0;
  uint32_t reload_ = 0;
  uint32_t current_ = 0;  // while it does not count
  bool clocked_ = true;
  bool counted_ = false;  // COUNTFLAG
};

}  // namespace probegate::sim
