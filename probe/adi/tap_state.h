// The state machine of a JTAG test access port (IEEE 1149.1 §6.1), without its registers.
#pragma once

#include <cstdint>

namespace probegate::adi {

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

// The state after one clock with this level of TMS.
TapState NextTapState(TapState state, bool tms);

}  // namespace probegate::adi
