// Detects whether a stream's client waits for each answer before it sends its next request, as pyOCD does.
#pragma once

#include <chrono>
#include <cstdint>

namespace probegate {

// Threads: one at a time.
class ClientPace {
 public:
  // A client counts as waiting after this many requests in a row, each sent while no other request was unanswered.
  // After about as many more, the count drops just below the limit, so that the client does not count as waiting for
  // one request. If it then sends more without waiting, the count starts over; this re-tests the client.
  static constexpr uint32_t kTrust = 64;

  // A client whose request arrives this soon after the last answer did not wait for that answer: even on one machine, a
  // round trip takes longer.
  static constexpr std::chrono::microseconds kSoon{100};

  // Notes that a request has arrived: whether other requests are still unanswered, and how long ago the last answer was
  // sent.
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
