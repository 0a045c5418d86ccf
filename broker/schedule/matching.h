// Assigns things to slots, each to one at most.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace probegate::broker {

// For each slot, one of its candidates, no candidate twice; nothing for as few slots as possible. Candidates that come
// earlier in a list are preferred. It is a maximum matching by augmenting paths (Kuhn's algorithm): a slot that finds
// its candidates taken makes other slots move on.
std::vector<std::optional<uint32_t>> Match(std::span<const std::vector<uint32_t>* const> slots);

}  // namespace probegate::broker
