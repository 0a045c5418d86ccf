// TAPs on one connector, clocked together: TDI leads into the last one, and TDO out of the first.
//
// As CMSIS-DAP numbers them, TAP 0 is the one next to TDO, whose bits come out first.
#pragma once

#include <vector>

#include "sim/jtag/tap.h"
#include "sim/jtag/tap_state.h"

namespace probegate::sim {

class Chain {
 public:
  // As at power-up, in Test-Logic-Reset. `taps`, at least one, start next to TDO, and must outlive it.
  explicit Chain(std::vector<Tap*> taps) : taps_(std::move(taps)) {}

  // One cycle of TCK with these levels. Returns TDO as it is before the rising edge, which is when a host samples it.
  bool Clock(bool tms, bool tdi);

  // TDO: the next bit in the two shift states. In all others it is not driven, and a pull-up holds it high.
  bool tdo() const;

  // As at power-up.
  void Reset();

  // As after noise on the pins: no TAP understands anything until five ones on TMS lead to Test-Logic-Reset.
  void Lose();

 private:
  static constexpr unsigned kResetOnes = 5;  // lead to Test-Logic-Reset from any state

  void Shift(bool tdi);
  void ForEach(void (Tap::*action)());

  const std::vector<Tap*> taps_;
  TapState state_ = TapState::kTestLogicReset;
  bool lost_ = false;
  unsigned ones_ = 0;  // ones in a row on TMS, while lost
};

}  // namespace probegate::sim
