// A UART's receiver on the SWO pin: makes bytes of the line's levels, at its own rate.
//
// It looks for a falling edge, then at the middle of each of its own bits; so at another rate than the sender's it
// finds other bytes, or none, as a real one does, and always the same ones. Time is the chip's, in cycles.
//
// Threads: the chip's rule.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "sim/debug/trace_port.h"

namespace probegate::sim {

class SwoReceiver {
 public:
  // `clock_hz`: cycles a second. `received` is called with each byte; `framing_error` where the stop bit was low.
  SwoReceiver(uint32_t clock_hz, std::function<void(uint8_t)> received, std::function<void()> framing_error);

  // Listens from `cycle` on, the line being taken for idle until then, at `baud` bits a second (1 to a fourth of
  // `clock_hz`).
  void Start(uint32_t baud, uint64_t cycle);

  // A frame begins, at its start; frames do not overlap, and come in order.
  void OnFrame(const SwoFrame& frame);
  // What has come up to `cycle` is received.
  void AdvanceTo(uint64_t cycle);

 private:
  bool LevelAt(uint64_t cycle) const;
  // The first cycle from `cycle` on at which the line is low (UINT64_MAX: none that is known of), or high.
  uint64_t FindLow(uint64_t cycle) const;
  uint64_t FindHigh(uint64_t cycle) const;
  const SwoFrame* FrameAt(uint64_t cycle) const;
  // Half bits behind the edge, in cycles.
  uint64_t HalfBits(unsigned count) const { return uint64_t{count} * clock_hz_ / (2 * uint64_t{baud_}); }

  const uint32_t clock_hz_;
  const std::function<void(uint8_t)> received_;
  const std::function<void()> framing_error_;
  uint32_t baud_ = 1;
  uint64_t looked_ = 0;  // from here on an edge is looked for
  std::deque<SwoFrame> frames_;
};

}  // namespace probegate::sim
