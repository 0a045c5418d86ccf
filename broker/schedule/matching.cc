#include "broker/schedule/matching.h"

#include <cstddef>
#include <map>
#include <set>

namespace probegate::broker {
namespace {

class Matcher {
 public:
  explicit Matcher(std::span<const std::vector<uint32_t>* const> slots) : slots_(slots), chosen_(slots.size()) {}

  std::vector<std::optional<uint32_t>> Run() {
    for (size_t slot = 0; slot < slots_.size(); ++slot) {
      tried_.clear();
      Place(slot);
    }
    return chosen_;
  }

 private:
  // Recurses at most once for each slot.
  bool Place(size_t slot) {
    for (const uint32_t candidate : *slots_[slot]) {
      if (!taken_.contains(candidate)) return Choose(slot, candidate);
    }
    for (const uint32_t candidate : *slots_[slot]) {
      if (tried_.insert(candidate).second && Place(taken_.at(candidate))) return Choose(slot, candidate);
    }
    return false;
  }

  bool Choose(size_t slot, uint32_t candidate) {
    chosen_[slot] = candidate;
    taken_[candidate] = slot;
    return true;
  }

  const std::span<const std::vector<uint32_t>* const> slots_;
  std::vector<std::optional<uint32_t>> chosen_;
  std::map<uint32_t, size_t> taken_;  // by which slot
  std::set<uint32_t> tried_;          // for the slot that is being placed
};

}  // namespace

std::vector<std::optional<uint32_t>> Match(std::span<const std::vector<uint32_t>* const> slots) {
  return Matcher(slots).Run();
}

}  // namespace probegate::broker
