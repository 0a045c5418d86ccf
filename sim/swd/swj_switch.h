// Which protocol the debug pins use: the part of an SWJ-DP that detects switching sequences.
//
// A part that has both JTAG and SWD starts in JTAG and is switched by sequences that mean nothing in the active
// protocol (ADIv5.2 §B5.3). The detector sees every bit that the host puts on SWDIO/TMS, as the active protocol does,
// and reports when a sequence is complete. It is not specific to a chip: every SWJ-DP has the same detector.
#pragma once

#include <cstdint>

namespace probegate::sim {

enum class WireMode : uint8_t { kJtag, kSwd, kDormant };

enum class SwitchEvent : uint8_t { kNone, kModeChanged, kLineReset };

class SwjSwitch {
 public:
  WireMode mode() const { return mode_; }

  // Takes the level of SWDIO/TMS at one rising edge of the clock. kLineReset comes with the 50th one of a run, in SWD
  // (§B4.3.3); kModeChanged with the last bit of a sequence.
  SwitchEvent Clock(bool level);

  // A clock during which the target drove the line: its bits are not part of any sequence.
  void Ignore() { ones_ = 0; }

 private:
  static constexpr unsigned kLineResetOnes = 50;
  static constexpr unsigned kSwitchCodeBits = 16;

  SwitchEvent ClockJtag();
  SwitchEvent ClockDormant();
  SwitchEvent EndCode();
  SwitchEvent MoveTo(WireMode mode);

  WireMode mode_ = WireMode::kJtag;
  unsigned ones_ = 0;       // the current run, up to 50
  unsigned code_left_ = 0;  // bits of the current code that are still to come
  uint64_t history_ = 0;    // the last 64 bits, the newest in bit 63
  uint64_t older_ = 0;      // the 64 before them, while dormant
};

inline SwitchEvent SwjSwitch::Clock(bool level) {
  if (mode_ == WireMode::kDormant) older_ = older_ >> 1 | history_ << 63;
  history_ = history_ >> 1 | uint64_t{level} << 63;
  if (mode_ == WireMode::kDormant) return ClockDormant();
  if (level) {
    if (ones_ < kLineResetOnes && ++ones_ == kLineResetOnes && mode_ == WireMode::kSwd) return SwitchEvent::kLineReset;
  } else {
    if (ones_ == kLineResetOnes) code_left_ = kSwitchCodeBits;
    ones_ = 0;
  }
  if (code_left_ != 0 && --code_left_ == 0) return EndCode();
  return mode_ == WireMode::kJtag ? ClockJtag() : SwitchEvent::kNone;
}

}  // namespace probegate::sim
