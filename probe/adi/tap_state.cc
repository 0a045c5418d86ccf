#include "probe/adi/tap_state.h"

#include <array>
#include <cstddef>

namespace probegate::adi {

TapState NextTapState(TapState state, bool tms) {
  using enum TapState;
  struct Next {
    TapState low, high;
  };
  static constexpr std::array<Next, 16> kNext = {{
      {kRunTestIdle, kTestLogicReset},  // Test-Logic-Reset
      {kRunTestIdle, kSelectDr},        // Run-Test/Idle
      {kCaptureDr, kSelectIr},          // Select-DR-Scan
      {kShiftDr, kExit1Dr},             // Capture-DR
      {kShiftDr, kExit1Dr},             // Shift-DR
      {kPauseDr, kUpdateDr},            // Exit1-DR
      {kPauseDr, kExit2Dr},             // Pause-DR
      {kShiftDr, kUpdateDr},            // Exit2-DR
      {kRunTestIdle, kSelectDr},        // Update-DR
      {kCaptureIr, kTestLogicReset},    // Select-IR-Scan
      {kShiftIr, kExit1Ir},             // Capture-IR
      {kShiftIr, kExit1Ir},             // Shift-IR
      {kPauseIr, kUpdateIr},            // Exit1-IR
      {kPauseIr, kExit2Ir},             // Pause-IR
      {kShiftIr, kUpdateIr},            // Exit2-IR
      {kRunTestIdle, kSelectDr},        // Update-IR
  }};
  const Next& next = kNext[static_cast<size_t>(state)];
  return tms ? next.high : next.low;
}

}  // namespace probegate::adi
