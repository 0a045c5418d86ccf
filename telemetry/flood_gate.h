// Prevents events that repeat from filling the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace probegate {

// Lets the first occurrence through, and then at most one per pause, which stands for all those that were held back.
//
// Threads: one at a time.
class FloodGate {
 public:
  using Clock = std::chrono::steady_clock;

  explicit FloodGate(Clock::duration pause = std::chrono::seconds(1)) : pause_(pause) {}

  // To be called at each occurrence. If a line may be written now, returns how many occurrences it stands for,
  // including this one. Nothing if the line must be held back.
  std::optional<uint64_t> Admit(Clock::time_point now);

  // Returns how many occurrences were held back since the last line, and resets that number: for a final line, once no
  // more occurrences can come.
  uint64_t TakeHeldBack();

 private:
  const Clock::duration pause_;
  std::optional<Clock::time_point> last_line_;
  uint64_t held_back_ = 0;
};

}  // namespace probegate
