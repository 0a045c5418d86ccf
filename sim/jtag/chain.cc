#include "sim/jtag/chain.h"

#include <utility>

namespace probegate::sim {

void Chain::ForEach(void (Tap::*action)()) {
  for (Tap* tap : taps_) (tap->*action)();
}

void Chain::Reset() {
  state_ = TapState::kTestLogicReset;
  lost_ = false;
  ForEach(&Tap::Reset);
}

void Chain::Lose() {
  lost_ = true;
  ones_ = 0;
}

bool Chain::tdo() const {
  const bool shifting = state_ == TapState::kShiftDr || state_ == TapState::kShiftIr;
  return lost_ || !shifting || taps_.front()->tdo();
}

// Each TAP takes the bit that leaves the one before it in the same cycle.
void Chain::Shift(bool tdi) {
  for (auto tap = taps_.rbegin(); tap != taps_.rend(); ++tap) {
    const bool out = (*tap)->tdo();
    (*tap)->Shift(std::exchange(tdi, out));
  }
}

bool Chain::Clock(bool tms, bool tdi) {
  const bool out = tdo();
  if (lost_) {
    ones_ = tms ? ones_ + 1 : 0;
    if (ones_ == kResetOnes) Reset();
    return out;
  }
  switch (state_) {
    case TapState::kCaptureDr:
      ForEach(&Tap::CaptureDr);
      break;
    case TapState::kCaptureIr:
      ForEach(&Tap::CaptureIr);
      break;
    case TapState::kShiftDr:
    case TapState::kShiftIr:
      Shift(tdi);
      break;
    default:
      break;
  }
  state_ = NextTapState(state_, tms);
  // These take effect at the falling edge that follows.
  if (state_ == TapState::kTestLogicReset) ForEach(&Tap::Reset);
  if (state_ == TapState::kUpdateIr) ForEach(&Tap::UpdateIr);
  if (state_ == TapState::kUpdateDr) ForEach(&Tap::UpdateDr);
  return out;
}

}  // namespace probegate::sim
