// The debug pins of a target: everything that a probe clocks into a board passes through here, whichever command it
// comes from.
//
// Combines the detector of switching sequences with the two protocols. A protocol that is not selected sees no clocks
// and does not answer: the SW-DP while the pins are in JTAG or dormant, the JTAG-DP, and with it the other TAPs of its
// chain, while they are in SWD or dormant.
#pragma once

#include <deque>
#include <vector>

#include "sim/jtag/chain.h"
#include "sim/jtag/jtag_dp.h"
#include "sim/swd/sw_dp.h"
#include "sim/swd/swj_switch.h"

namespace probegate::sim {

// The TAPs that are in a chain with a JTAG-DP, each list starting next to TDO.
struct OtherTaps {
  std::vector<OtherTap::Settings> before;  // between TDO and the JTAG-DP
  std::vector<OtherTap::Settings> after;   // between the JTAG-DP and TDI
};

class SwjDp {
 public:
  // `port` must outlive it. `idcode` is the JTAG-DP's.
  SwjDp(DebugPort& port, uint32_t idcode, const OtherTaps& others = {})
      : sw_dp_(port), jtag_dp_(port, idcode), chain_(MakeChain(others)) {}

  // One cycle of SWCLK/TCK. If `driven`, the host drives SWDIO/TMS to `level`; otherwise a pull-up holds it high. A
  // pull-up holds TDI high too. Returns the level that the host samples on SWDIO/TMS.
  bool Clock(bool driven, bool level);

  // One cycle with TMS and TDI driven. Returns the level that the host samples on TDO.
  bool ClockJtag(bool tms, bool tdi);
  bool tdo() const { return switch_.mode() != WireMode::kJtag || chain_.tdo(); }

  // Simulates noise on the pins while they are in JTAG: nothing is understood until Test-Logic-Reset.
  void DisturbJtag() { chain_.Lose(); }

  // As after power-up: in JTAG, with both protocols in their first state.
  void PowerUp();

  // Cycles of SWCLK or TCK so far.
  uint64_t clocks() const { return clocks_; }

  WireMode mode() const { return switch_.mode(); }

 private:
  std::vector<Tap*> MakeChain(const OtherTaps& others);
  void Listen(bool line);

  uint64_t clocks_ = 0;
  SwjSwitch switch_;
  SwDp sw_dp_;
  JtagDp jtag_dp_;
  std::deque<OtherTap> other_taps_;
  Chain chain_;
};

inline void SwjDp::PowerUp() {
  switch_ = {};
  sw_dp_.Lock();
  chain_.Reset();
}

inline std::vector<Tap*> SwjDp::MakeChain(const OtherTaps& others) {
  std::vector<Tap*> taps;
  for (const OtherTap::Settings& tap : others.before) taps.push_back(&other_taps_.emplace_back(tap));
  taps.push_back(&jtag_dp_);
  for (const OtherTap::Settings& tap : others.after) taps.push_back(&other_taps_.emplace_back(tap));
  return taps;
}

inline void SwjDp::Listen(bool line) {
  const SwitchEvent event = switch_.Clock(line);
  if (event == SwitchEvent::kLineReset) sw_dp_.LineReset();
  if (event != SwitchEvent::kModeChanged) return;
  sw_dp_.Lock();
  chain_.Reset();
}

inline bool SwjDp::Clock(bool driven, bool level) {
  ++clocks_;
  bool line = !driven || level;
  if (switch_.mode() == WireMode::kSwd) {
    const bool target_drives = sw_dp_.driving();
    line = sw_dp_.Clock(line);
    if (target_drives) {
      switch_.Ignore();
      return line;
    }
  }
  if (switch_.mode() == WireMode::kJtag) chain_.Clock(line, true);
  Listen(line);
  return line;
}

inline bool SwjDp::ClockJtag(bool tms, bool tdi) {
  if (switch_.mode() != WireMode::kJtag) {
    Clock(true, tms);
    return true;
  }
  ++clocks_;
  const bool out = chain_.Clock(tms, tdi);
  Listen(tms);
  return out;
}

}  // namespace probegate::sim
