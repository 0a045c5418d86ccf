// Whether a stream's client waits for each answer before it asks on, as pyOCD does.
#pragma once

#include <chrono>
#include <cstdint>

namespace probegate {

// Threads: one at a time.
class ClientPace {
 public:
  // So many requests in a row, each when nothing else was awaited, make a client one that waits. After about as many
  // more it does not count as one until the next request: what comes meanwhile shows whether it still does, beyond
  // doubt.
  static constexpr uint32_t kTrust = 64;

  // Who has sent a request so soon after the last answer had not waited for that: there and back takes longer, also on
  // one machine.
  static constexpr std::chrono::microseconds kSoon{100};

  // A request has come: with others unanswered or not, and so long after the last answer was sent.
  void Note(bool others_unanswered, std::chrono::steady_clock::duration since_answer) {
    if (others_unanswered || since_answer < kSoon) {
      in_turn_ = 0;
    } else {
      in_turn_ = in_turn_ < 2 * kTrust ? in_turn_ + 1 : kTrust - 1;
    }
  }

  bool waits() const { return in_turn_ >= kTrust; }

 private:
  uint32_t in_turn_ = 0;
};

}  // namespace probegate
