// Whether a stream's client waits for each answer before it asks on, as pyOCD does.
#pragma once

#include <cstdint>

namespace probegate {

// Threads: one at a time.
class ClientPace {
 public:
  // So many requests in a row, each when nothing else was awaited, make a client one that waits. After as many more it
  // does not count as one until the next request: what comes meanwhile shows whether it still does.
  static constexpr uint32_t kTrust = 64;

  // A request has come, with others unanswered or not.
  void Note(bool others_unanswered) {
    if (others_unanswered) {
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
