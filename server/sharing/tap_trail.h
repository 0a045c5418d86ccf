// The part of a session's raw JTAG clocks that the session still relies on: what IR holds, and the scan in progress.
//
// Follows the TAP's state (IEEE 1149.1 §6.1) and keeps the clocks of the last IR scan, or of the Test-Logic-Reset after
// it, and those since the TAP was last in Run-Test/Idle or an Update state. From there, driving them again on a TAP in
// Run-Test/Idle leads to the same place. DR scans that were completed are not kept, because they have taken effect.
//
// Bounded by kMaxClocks each. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "probe/adi/tap_state.h"
#include "probe/probe.h"

namespace probegate {

class TapTrail {
 public:
  static constexpr size_t kMaxClocks = 65'536;

  // TMS of each clock; TDI is high.
  void Add(size_t bit_count, absl::Span<const uint8_t> tms);
  void Add(const JtagStretch& stretch);
  void Clear();
  bool empty() const { return register_.empty() && scan_.empty() && !too_long_; }

  // kUnsupported if a scan is too long to be kept.
  absl::Status Replay(Probe& probe) const;

 private:
  struct Clock {
    bool tms, tdi;
  };

  void Step(Clock clock);
  static absl::Status Drive(Probe& probe, absl::Span<const Clock> clocks);

  adi::TapState state_ = adi::TapState::kRunTestIdle;
  std::vector<Clock> register_;  // give IR its contents
  std::vector<Clock> scan_;      // since then, or since the last DR scan was completed
  bool too_long_ = false;
};

}  // namespace probegate
