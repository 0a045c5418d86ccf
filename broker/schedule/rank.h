// The order in which waiters get probes.
#pragma once

#include <compare>
#include <cstdint>

namespace probegate::broker {

// "Less" is earlier: the higher class, then fewer running leases of the holder, then the earlier request.
struct Rank {
  int64_t demotion = 0;  // the negated class: its priority, and one more for each time that it has risen
  uint32_t running = 0;
  uint64_t number = 0;

  auto operator<=>(const Rank&) const = default;
};

}  // namespace probegate::broker
