// The two debug pins of a target: everything a probe clocks into a board goes through Clock, whatever command made it.
//
// It joins the detector of switching sequences to the SWD protocol. While the pins are in JTAG or dormant the SW-DP
// sees nothing and nothing answers.
#pragma once

#include "sim/swd/sw_dp.h"
#include "sim/swd/swj_switch.h"

namespace probegate::sim {

class SwjDp {
 public:
  explicit SwjDp(DebugPort& port) : sw_dp_(port) {}

  // One cycle of SWCLK/TCK: the host drives `level`, or lets SWDIO/TMS float, which a pull-up holds high. Returns what
  // the host samples.
  bool Clock(bool driven, bool level);

  WireMode mode() const { return switch_.mode(); }

 private:
  SwjSwitch switch_;
  SwDp sw_dp_;
};

inline bool SwjDp::Clock(bool driven, bool level) {
  bool line = !driven || level;
  if (switch_.mode() == WireMode::kSwd) {
    const bool target_drives = sw_dp_.driving();
    line = sw_dp_.Clock(line);
    if (target_drives) {
      switch_.Ignore();
      return line;
    }
  }
  const SwitchEvent event = switch_.Clock(line);
  if (event == SwitchEvent::kLineReset) sw_dp_.LineReset();
  if (event == SwitchEvent::kModeChanged) sw_dp_.Lock();
  return line;
}

}  // namespace probegate::sim
