#include "sim/jtag/tap_state.h"

#include <array>
#include <cstddef>

namespace probegate::sim {
namespace {

struct Row {
  TapState low;   // with TMS low
  TapState high;  // with TMS high
};
using enum TapState;
constexpr std::array<Row, 16> kRows = {{
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

}  // namespace

TapState NextTapState(TapState state, bool tms) {
  const Row& row = kRows[static_cast<size_t>(state)];
  return tms ? row.high : row.low;
}

}  // namespace probegate::sim
