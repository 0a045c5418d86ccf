// Waiters that want the same, in their order.
//
// The order depends on how many running leases a holder has, which changes whenever one of its leases begins or ends.
// So a holder's waiters of one class are kept together, and only the first of them takes part in the comparison: a
// change costs the same however many of them wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "broker/schedule/rank.h"

namespace probegate::broker {

// Threads: one at a time.
class WaitingLine {
 public:
  // Holders are numbers that the caller chooses. The class is given as in Rank.
  void Add(uint64_t number, uint32_t holder, int64_t demotion, uint32_t running);
  void Remove(uint64_t number, uint32_t holder, int64_t demotion);
  // The holder has this many running leases now.
  void SetRunning(uint32_t holder, uint32_t running);

  size_t size() const { return size_; }
  // The first. There must be one.
  Rank first() const;
  // The place of one of them, from 1; takes a time of n.
  uint32_t PositionOf(const Rank& rank) const;
  // All, in their order; takes a time of n log n.
  std::vector<Rank> All() const;

 private:
  struct Waiters {
    uint32_t running = 0;
    std::set<uint64_t> numbers;  // not empty
    Rank First(int64_t demotion) const { return {demotion, running, *numbers.begin()}; }
  };
  // The waiters of one class.
  struct Class {
    std::map<uint32_t, Waiters> holders;
    std::set<std::pair<Rank, uint32_t>> firsts;  // of each holder
  };

  std::map<int64_t, Class> classes_;  // by demotion; none is empty
  size_t size_ = 0;
};

}  // namespace probegate::broker
