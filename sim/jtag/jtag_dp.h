// The JTAG end of a DP, one clock at a time: a TAP with Arm's instructions (ADIv5.2 §B3).
//
// A scan of DPACC or APACC has 35 bits. It shifts out the result of the previous access and an acknowledge of three
// bits, OK/FAULT or WAIT, and shifts in the next access, which begins when the scan ends unless the acknowledge was
// WAIT. JTAG has no acknowledge for FAULT alone: a failed access sets a sticky flag in CTRL/STAT, and accesses to APs
// are discarded until the flag is cleared.
#pragma once

#include <cstdint>

#include "sim/jtag/tap.h"
#include "sim/swd/debug_port.h"

namespace probegate::sim {

class JtagDp {
 public:
  // As at power-up, in Test-Logic-Reset. `port` must outlive it.
  JtagDp(DebugPort& port, uint32_t idcode) : port_(port), idcode_(idcode) {}

  // One cycle of TCK with these levels. Returns TDO as it is before the rising edge, which is when a host samples it.
  bool Clock(bool tms, bool tdi);

  // TDO: the next bit in the two shift states. In all others it is not driven, and a pull-up holds it high.
  bool tdo() const;

  // As at power-up.
  void Reset();

  // As after noise on the pins: it understands nothing until five ones on TMS lead to Test-Logic-Reset.
  void Lose();

 private:
  static constexpr unsigned kResetOnes = 5;  // lead to Test-Logic-Reset from any state

  unsigned RegisterBits() const;
  void CaptureDr();
  void UpdateDr();
  void Access(bool ap);

  DebugPort& port_;
  const uint32_t idcode_;
  TapState state_ = TapState::kTestLogicReset;
  bool lost_ = false;
  unsigned ones_ = 0;  // ones in a row on TMS, while lost
  uint8_t instruction_ = 0xE;
  uint64_t shift_ = 0;    // bit 0 leaves next
  uint32_t result_ = 0;   // of the last access
  bool waiting_ = false;  // WAIT was captured
};

}  // namespace probegate::sim
