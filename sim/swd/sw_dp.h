// The serial wire protocol of a target, one clock at a time (ADIv5.2 §B4.1 to §B4.3).
//
// This is the only place on the target's side that handles requests, acknowledges, data, parity and turnaround as bits.
// So a host that clocks them out wrongly gets what it would get from silicon: neither a malformed request nor anything
// after it is answered until a line reset, and the first request after a line reset must be a read of DPIDR.
#pragma once

#include <cstdint>

#include "sim/swd/debug_port.h"

namespace probegate::sim {

class SwDp {
 public:
  // Answers nothing until the first line reset. `port` must outlive it.
  explicit SwDp(DebugPort& port) : port_(port) {}

  // One clock. `line` is the level of the wire without this target: the host's level, or high if the host does not
  // drive. Returns the level with the target.
  bool Clock(bool line);

  // Whether the target drives the wire at the next clock.
  bool driving() const { return phase_ == Phase::kAck || phase_ == Phase::kReadData; }

  // To be called once 50 ones in a row have been seen, in any phase.
  void LineReset();

  // Silence until the next line reset.
  void Lock() { phase_ = Phase::kLocked; }

 private:
  enum class Phase : uint8_t {
    kLocked,
    kLineReset,   // high since the line reset
    kSecondIdle,  // one of the two idle clocks that end a line reset has been seen
    kIdle,
    kRequest,
    kTurnToTarget,
    kAck,
    kReadData,
    kTurnToHost,
    kWriteData,
  };

  static constexpr unsigned kRequestBits = 8;
  static constexpr unsigned kAckBits = 3;
  static constexpr unsigned kDataBits = 33;  // 32 and parity

  void Decode();
  void EndAck();
  bool ShiftOut();
  void EndWriteData();
  void Turn(Phase turn, Phase then);

  DebugPort& port_;
  Phase phase_ = Phase::kLocked;
  Phase after_turn_ = Phase::kIdle;
  bool after_line_reset_ = false;
  unsigned bits_ = 0;   // of the current phase, already done
  uint64_t shift_ = 0;  // in: collected from bit 0 upward; out: bit 0 is next
  SwdRequest request_;
  Ack ack_ = Ack::kOk;
  bool data_phase_ = false;
};

// Inline, like everything else that runs at every clock, so that a block of words does not cost tens of thousands of
// calls.
inline bool SwDp::Clock(bool line) {
  switch (phase_) {
    case Phase::kLocked:
      return line;
    case Phase::kLineReset:
      if (!line) phase_ = Phase::kSecondIdle;
      return line;
    case Phase::kSecondIdle:
      phase_ = line ? Phase::kLocked : Phase::kIdle;
      return line;
    case Phase::kIdle:
      if (line) {
        phase_ = Phase::kRequest;
        shift_ = 1;
        bits_ = 1;
      }
      return line;
    case Phase::kRequest:
      shift_ |= uint64_t{line} << bits_;
      if (++bits_ == kRequestBits) Decode();
      return line;
    case Phase::kTurnToTarget:
    case Phase::kTurnToHost:
      if (--bits_ == 0) phase_ = after_turn_;
      return line;
    case Phase::kAck:
    case Phase::kReadData:
      return ShiftOut();
    case Phase::kWriteData:
      shift_ |= uint64_t{line} << bits_;
      if (++bits_ == kDataBits) EndWriteData();
      return line;
  }
  return line;
}

// The turnaround phases count bits_ down to zero, so kAck and kReadData count up from zero.
inline bool SwDp::ShiftOut() {
  const bool level = (shift_ & 1) != 0;
  shift_ >>= 1;
  ++bits_;
  if (phase_ == Phase::kAck) {
    if (bits_ == kAckBits) EndAck();
  } else if (bits_ == kDataBits) {
    Turn(Phase::kTurnToHost, Phase::kIdle);
  }
  return level;
}

}  // namespace probegate::sim
