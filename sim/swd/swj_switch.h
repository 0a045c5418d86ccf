// Which protocol the two debug pins speak: the part of an SWJ-DP that listens for the switching sequences.
//
// A part that has both JTAG and SWD starts in JTAG and is moved by sequences that mean nothing in the protocol that is
// active (ADIv5.2 §B5.3). This listens to every bit that the host leaves on SWDIO/TMS, beside whatever else makes sense
// of them, and says when a sequence has been completed. It models no chip: the same detector is in front of any SW-DP.
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

  // A clock during which the target drove the line: what it sends is no part of any sequence.
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
  unsigned code_left_ = 0;  // bits that the code under way still wants
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
