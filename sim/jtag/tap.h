// The states of a test access port (IEEE 1149.1-2013 §6.1): where TMS leads at each clock, and nothing of registers.
#pragma once

#include <cstdint>

namespace probegate::sim {

enum class TapState : uint8_t {
  kTestLogicReset,
  kRunTestIdle,
  kSelectDr,
  kCaptureDr,
  kShiftDr,
  kExit1Dr,
  kPauseDr,
  kExit2Dr,
  kUpdateDr,
  kSelectIr,
  kCaptureIr,
  kShiftIr,
  kExit1Ir,
  kPauseIr,
  kExit2Ir,
  kUpdateIr,
};

// The state behind a rising edge of TCK.
TapState NextTapState(TapState state, bool tms);

}  // namespace probegate::sim
