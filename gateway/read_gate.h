// When the next response of a session may be read, where who takes it may ask for a pause (gateway/upstream.h).
#pragma once

#include <cstdint>

namespace probegate {

// Threads: one at a time; its owner's mutex guards it, which is not held while the response is handed over. Resume may
// well come before the hand-over has returned its wish for a pause: it counts all the same, or nobody would ever read
// again.
class ReadGate {
 public:
  // A response is about to be handed over.
  void Begin() { state_ = State::kHandingOver; }

  // The hand-over has returned; `go_on` is false where it asked for a pause. True where the next read is due now.
  [[nodiscard]] bool End(bool go_on) {
    const bool read = go_on || state_ == State::kResumed;
    state_ = read ? State::kReading : State::kPaused;
    return read;
  }

  // The pause, or the one that is about to be asked for, is over. True where the next read is due now.
  [[nodiscard]] bool Resume() {
    if (state_ == State::kHandingOver) state_ = State::kResumed;
    if (state_ != State::kPaused) return false;
    state_ = State::kReading;
    return true;
  }

  bool reading() const { return state_ == State::kReading; }

 private:
  enum class State : uint8_t { kReading, kHandingOver, kResumed, kPaused };

  State state_ = State::kReading;
};

}  // namespace probegate
