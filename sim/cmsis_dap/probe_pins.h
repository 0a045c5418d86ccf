// The probe's pins towards the target: which protocol they are set up for, and the level each has.
//
// The target samples SWDIO/TMS and TDI at each rising edge of SWCLK/TCK, so a cycle of the clock is one call. The pins
// are driven only between Connect and Disconnect, as in Arm's firmware and in DAPLink. Outside of that they float:
// pull-ups hold them high, nRESET is released, and whatever would drive or clock them has no effect.
//
// Threads: one at a time.
#pragma once

#include <cstdint>

#include "sim/target/chip.h"

namespace probegate::sim {

class ProbePins {
 public:
  enum class Port : uint8_t { kNone, kSwd, kJtag };  // as DAP_Connect numbers them

  // `chip` is on the connector and must outlive it.
  explicit ProbePins(Chip& chip) : chip_(chip) {}

  // Drives the pins for `port`, which is not kNone, with all of them high at first (PORT_SWD_SETUP and PORT_JTAG_SETUP
  // of Arm's firmware). So an nRESET that was asserted is released, even if the pins were set up before.
  void Connect(Port port);
  // Lets the pins float (PORT_OFF).
  void Disconnect();
  // As when the probe loses its power: disconnected, the clock back at its default.
  void PowerOff();
  Port port() const { return port_; }
  bool connected() const { return port_ != Port::kNone; }

  // The clock frequency that the host has asked for. It is only kept: simulated pins need no time.
  void set_clock_hz(uint32_t hertz) { clock_hz_ = hertz; }
  uint32_t clock_hz() const { return clock_hz_; }

  // One cycle with SWDIO/TMS driven to `level`, and TDI as it was last.
  void ClockSwj(bool level);
  // One SWD cycle, with SWDIO driven to `level` or left to the target. Returns the level on SWDIO; high unless the pins
  // are set up for SWD.
  bool ClockSwd(bool driven, bool level) { return port_ != Port::kSwd || chip_.pins().Clock(driven, level); }
  // One JTAG cycle with TMS and TDI driven. Returns TDO; high, with nothing driven, unless the pins are set up for
  // JTAG.
  bool ClockJtag(bool tms, bool tdi);

  // Single pins, as DAP_SWJ_Pins drives and reads them. A rising edge of SWCLK is a cycle as in ClockSwj.
  void DriveSwclk(bool level);
  void DriveSwdio(bool level);
  void DriveTdi(bool level);
  void DriveReset(bool asserted);
  bool swclk() const { return swclk_; }
  bool swdio() const { return swdio_; }
  bool tdi() const { return tdi_; }
  bool tdo() const { return port_ != Port::kJtag || chip_.pins().tdo(); }
  // Whether the probe has an output for nRESET; without one the pin stays high.
  void set_reset_driven(bool driven);
  bool reset_asserted() const { return reset_asserted_; }

 private:
  static constexpr uint32_t kDefaultClockHz = 1'000'000;

  void LetAllBeHigh();
  void SetReset(bool asserted);

  Chip& chip_;
  Port port_ = Port::kNone;
  bool swclk_ = true;
  bool swdio_ = true;
  bool tdi_ = true;
  bool reset_driven_ = true;
  bool reset_asserted_ = false;
  uint32_t clock_hz_ = kDefaultClockHz;
};

}  // namespace probegate::sim
