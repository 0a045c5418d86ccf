#include "telemetry/flood_gate.h"

#include <utility>

namespace probegate {

std::optional<uint64_t> FloodGate::Admit(Clock::time_point now) {
  ++held_back_;
  if (last_line_ && now - *last_line_ < pause_) return std::nullopt;
  last_line_ = now;
  return TakeHeldBack();
}

uint64_t FloodGate::TakeHeldBack() { return std::exchange(held_back_, 0); }

}  // namespace probegate
