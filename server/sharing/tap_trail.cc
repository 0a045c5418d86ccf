#include "server/sharing/tap_trail.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate {

enum class TapTrail::State : uint8_t {
  kRunTestIdle,
  kTestLogicReset,
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

void TapTrail::Add(size_t bit_count, absl::Span<const uint8_t> tms) {
  for (size_t i = 0; i < bit_count; ++i) Step({.tms = ((tms[i / 8] >> (i % 8)) & 1) != 0, .tdi = true});
}

void TapTrail::Add(const JtagStretch& stretch) {
  for (size_t i = 0; i < stretch.cycles; ++i) {
    Step({.tms = stretch.tms, .tdi = ((stretch.tdi[i / 8] >> (i % 8)) & 1) != 0});
  }
}

void TapTrail::Clear() {
  state_ = State::kRunTestIdle;
  register_.clear();
  scan_.clear();
  too_long_ = false;
}

void TapTrail::Step(Clock clock) {
  using enum State;
  struct Next {
    State low, high;
  };
  static constexpr std::array<Next, 16> kNext = {{
      {kRunTestIdle, kSelectDr},        // Run-Test/Idle
      {kRunTestIdle, kTestLogicReset},  // Test-Logic-Reset
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
  constexpr size_t kResetClocks = 5;  // of TMS high lead to Test-Logic-Reset from any state

  const State before = state_;
  const Next& next = kNext[static_cast<size_t>(before)];
  state_ = clock.tms ? next.high : next.low;
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
    size_t count = 0;
    std::vector<uint8_t> tdi;
    for (; count < clocks.size() && clocks[count].tms == clocks[0].tms; ++count) {
      if (count % 8 == 0) tdi.push_back(0);
      if (clocks[count].tdi) tdi.back() = static_cast<uint8_t>(tdi.back() | (1u << (count % 8)));
    }
    const auto driven = probe.JtagSequence({.cycles = count, .tms = clocks[0].tms, .capture = false, .tdi = tdi});
    if (!driven.ok()) return driven.status();
    clocks.remove_prefix(count);
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
