// Keeps whoever does something wrong again and again from filling the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace probegate {

// Lets the first of several occurrences through, and then one a pause, which stands for all that were held back.
// Threads: one at a time.
class FloodGate {
 public:
  using Clock = std::chrono::steady_clock;

  explicit FloodGate(Clock::duration pause = std::chrono::seconds(1)) : pause_(pause) {}

  // To be asked at each occurrence. How many occurrences, this one among them, the line that may be written now stands
  // for; nothing when it must be held back.
  std::optional<uint64_t> Admit(Clock::time_point now);

  // How many were held back since the last line: for a line that closes, once no more can come. None are afterwards.
  uint64_t TakeHeldBack();

 private:
  const Clock::duration pause_;
  std::optional<Clock::time_point> last_line_;
  uint64_t held_back_ = 0;
};

}  // namespace probegate
