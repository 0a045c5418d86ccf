// Decides when a session's next response is read: if one is awaited or Listen was called, and the receiver has not
// asked for a pause (gateway/fleet/upstream.h).
#pragma once

#include <cstdint>

namespace probegate {

// Threads: one at a time. The owner's mutex guards it, and is not held while the response is handed over. So Resume and
// Listen may be called before the hand-over has returned and asked for a pause. They take effect nevertheless;
// otherwise nothing would ever be read again.
class ReadGate {
 public:
  // A request has been sent that will be answered. True if the next read is due now.
  [[nodiscard]] bool Expect() {
    ++awaited_;
    return state_ == State::kIdle && Next();
  }

  // The next response is wanted although none is awaited. True if the next read is due now.
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

  // The hand-over has returned; `go_on` is false if it asked for a pause. True if the next read is due now.
  [[nodiscard]] bool End(bool go_on) {
    if (go_on || state_ == State::kResumed) return Next();
    state_ = State::kPaused;
    return false;
  }

  // The pause, or the one that the hand-over is about to ask for, is over. True if the next read is due now.
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
