// The JTAG end of a DP, one clock at a time: a TAP with Arm's instructions (ADIv5.2 §B3).
//
// A scan of DPACC or APACC is 35 bits: out come the result of the access before it and an acknowledge of three bits,
// OK/FAULT or WAIT; in goes the next access, which begins when the scan ends, unless WAIT was what came out. JTAG has
// no FAULT of its own: what fails sets a sticky flag in CTRL/STAT, and accesses to APs are discarded until it is
// cleared.
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

  // TDO: the next bit in the two shift states, else not driven, which a pull-up holds high.
  bool tdo() const;

  // As at power-up.
  void Reset();

  // As after noise on the pins: it makes sense of nothing until five ones have led it to Test-Logic-Reset.
  void Lose();

 private:
  static constexpr unsigned kResetOnes = 5;  // that lead there from any state

  unsigned RegisterBits() const;
  void CaptureDr();
  void UpdateDr();
  void Access(bool ap);

  DebugPort& port_;
  const uint32_t idcode_;
  TapState state_ = TapState::kTestLogicReset;
  bool lost_ = false;
  unsigned ones_ = 0;  // the run on TMS, while lost
  uint8_t instruction_ = 0xE;
  uint64_t shift_ = 0;    // bit 0 leaves next
  uint32_t result_ = 0;   // of the last access
  bool waiting_ = false;  // WAIT was captured
};

}  // namespace probegate::sim
