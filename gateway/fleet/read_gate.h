// When the next response of a session is read: while one is awaited, or somebody listens, and who takes them has asked
// for no pause (gateway/fleet/upstream.h).
#pragma once

#include <cstdint>

namespace probegate {

// Threads: one at a time; its owner's mutex guards it, which is not held while the response is handed over. Resume and
// Listen may well come before the hand-over has returned its wish for a pause: they count all the same, or nobody would
// ever read again.
class ReadGate {
 public:
  // A request has been sent that will be answered. True where the next read is due now.
  [[nodiscard]] bool Expect() {
    ++awaited_;
    return state_ == State::kIdle && Next();
  }

  // The next response is wanted though none is awaited. True where the next read is due now.
  [[nodiscard]] bool Listen() {
    listens_ = true;
    return state_ == State::kIdle && Next();
  }

  // A response is about to be handed over.
  void Begin() {
    state_ = State::kHandingOver;
    if (awaited_ > 0) --awaited_;
    listens_ = false;
  }

  // The hand-over has returned; `go_on` is false where it asked for a pause. True where the next read is due now.
  [[nodiscard]] bool End(bool go_on) {
    if (go_on || state_ == State::kResumed) return Next();
    state_ = State::kPaused;
    return false;
  }

  // The pause, or the one that is about to be asked for, is over. True where the next read is due now.
  [[nodiscard]] bool Resume() {
    if (state_ == State::kHandingOver) state_ = State::kResumed;
    return state_ == State::kPaused && Next();
  }

  bool reading() const { return state_ == State::kReading; }

 private:
  enum class State : uint8_t { kIdle, kReading, kHandingOver, kResumed, kPaused };

  bool Next() {
    state_ = awaited_ > 0 || listens_ ? State::kReading : State::kIdle;
    return reading();
  }

  State state_ = State::kIdle;
  uint64_t awaited_ = 0;
  bool listens_ = false;
};

}  // namespace probegate
