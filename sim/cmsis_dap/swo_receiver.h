// A UART receiver on the SWO pin: turns the line's levels into bytes, at its own rate.
//
// It waits for a falling edge, then samples the middle of each of its own bits. So at a rate other than the sender's it
// receives different bytes, or none, as a real one does, and the same ones each time. Time is the chip's, in cycles.
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
  // `clock_hz`: cycles per second. `received` is called with each byte; `framing_error` if the stop bit was low.
  SwoReceiver(uint32_t clock_hz, std::function<void(uint8_t)> received, std::function<void()> framing_error);

  // Listens from `cycle` on at `baud` bits per second (1 to a quarter of `clock_hz`), as if the line had been idle
  // until then.
  void Start(uint32_t baud, uint64_t cycle);

  // To be called at each frame's start. Frames come in order and do not overlap.
  void OnFrame(const SwoFrame& frame);
  // Receives everything up to `cycle`.
  void AdvanceTo(uint64_t cycle);

 private:
  bool LevelAt(uint64_t cycle) const;
  // The first cycle from `cycle` on at which the line is low (UINT64_MAX: none known yet), or high.
  uint64_t FindLow(uint64_t cycle) const;
  uint64_t FindHigh(uint64_t cycle) const;
  const SwoFrame* FrameAt(uint64_t cycle) const;
  // The length of so many half bits, in cycles.
  uint64_t HalfBits(unsigned count) const { return uint64_t{count} * clock_hz_ / (2 * uint64_t{baud_}); }

  const uint32_t clock_hz_;
  const std::function<void(uint8_t)> received_;
  const std::function<void()> framing_error_;
  uint32_t baud_ = 1;
  uint64_t looked_ = 0;  // the search for an edge continues here
  std::deque<SwoFrame> frames_;
};

}  // namespace probegate::sim
