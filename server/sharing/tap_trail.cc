#include "server/sharing/tap_trail.h"

#include "absl/strings/str_cat.h"
#include "probe/bits.h"
#include "probe/error.h"

namespace probegate {

void TapTrail::Add(size_t bit_count, absl::Span<const uint8_t> tms) {
  for (size_t i = 0; i < bit_count; ++i) Step({.tms = BitAt(tms, i), .tdi = true});
}

void TapTrail::Add(const JtagStretch& stretch) {
  for (size_t i = 0; i < stretch.cycles; ++i) {
    Step({.tms = stretch.tms, .tdi = BitAt(stretch.tdi, i)});
  }
}

void TapTrail::Clear() {
  state_ = adi::TapState::kRunTestIdle;
  register_.clear();
  scan_.clear();
  too_long_ = false;
}

void TapTrail::Step(Clock clock) {
  using enum adi::TapState;
  constexpr size_t kResetClocks = 5;  // of TMS high lead to Test-Logic-Reset from any state

  const adi::TapState before = state_;
  state_ = adi::NextTapState(before, clock.tms);
  scan_.push_back(clock);
  if (state_ == kTestLogicReset) {
    register_.clear();
    scan_.assign(kResetClocks, {.tms = true, .tdi = true});
    too_long_ = false;
  }
  if (state_ == kUpdateIr || (state_ == kRunTestIdle && before == kTestLogicReset)) register_.swap(scan_);
  if (state_ == kRunTestIdle || state_ == kUpdateIr || state_ == kUpdateDr) {
    scan_.clear();
    if (state_ == kUpdateDr) too_long_ = false;
  }
  if (scan_.size() > kMaxClocks) {
    scan_.clear();
    too_long_ = true;
  }
}

absl::Status TapTrail::Drive(Probe& probe, absl::Span<const Clock> clocks) {
  while (!clocks.empty()) {
    const bool tms = clocks[0].tms;
    BitString tdi;
    while (tdi.size() < clocks.size() && clocks[tdi.size()].tms == tms) tdi.Append(clocks[tdi.size()].tdi);
    const auto driven = probe.JtagSequence({.cycles = tdi.size(), .tms = tms, .capture = false, .tdi = tdi.bytes()});
    if (!driven.ok()) return driven.status();
    clocks.remove_prefix(tdi.size());
  }
  return absl::OkStatus();
}

absl::Status TapTrail::Replay(Probe& probe) const {
  if (too_long_) {
    return MakeError(ErrorKind::kUnsupported,
                     absl::StrCat("another session used the probe during a JTAG scan of more than ", kMaxClocks,
                                  " bits; lock the probe for such scans"));
  }
  if (absl::Status status = Drive(probe, register_); !status.ok()) return status;
  return Drive(probe, scan_);
}

}  // namespace probegate
