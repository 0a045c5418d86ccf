#include "broker/schedule/waiting_line.h"

#include <algorithm>

namespace probegate::broker {

void WaitingLine::Add(uint64_t number, uint32_t holder, int64_t demotion, uint32_t running) {
  Class& in = classes_[demotion];
  Waiters& waiters = in.holders[holder];
  if (!waiters.numbers.empty()) in.firsts.erase({waiters.First(demotion), holder});
  waiters.running = running;
  waiters.numbers.insert(number);
  in.firsts.insert({waiters.First(demotion), holder});
  ++size_;
}

void WaitingLine::Remove(uint64_t number, uint32_t holder, int64_t demotion) {
  const auto in = classes_.find(demotion);
  const auto waiters = in->second.holders.find(holder);
  in->second.firsts.erase({waiters->second.First(demotion), holder});
  waiters->second.numbers.erase(number);
  if (waiters->second.numbers.empty()) {
    in->second.holders.erase(waiters);
  } else {
    in->second.firsts.insert({waiters->second.First(demotion), holder});
  }
  if (in->second.holders.empty()) classes_.erase(in);
  --size_;
}

void WaitingLine::SetRunning(uint32_t holder, uint32_t running) {
  for (auto& [demotion, in] : classes_) {
    const auto waiters = in.holders.find(holder);
    if (waiters == in.holders.end()) continue;
    in.firsts.erase({waiters->second.First(demotion), holder});
    waiters->second.running = running;
    in.firsts.insert({waiters->second.First(demotion), holder});
  }
}

Rank WaitingLine::first() const { return classes_.begin()->second.firsts.begin()->first; }

uint32_t WaitingLine::PositionOf(const Rank& rank) const {
  uint32_t position = 1;
  for (const auto& [demotion, in] : classes_) {
    if (demotion > rank.demotion) break;
    for (const auto& [holder, waiters] : in.holders) {
      const auto before = std::count_if(waiters.numbers.begin(), waiters.numbers.end(), [&](uint64_t number) {
        return Rank{demotion, waiters.running, number} < rank;
      });
      position += static_cast<uint32_t>(before);
    }
  }
  return position;
}

std::vector<Rank> WaitingLine::All() const {
  std::vector<Rank> all;
  all.reserve(size_);
  for (const auto& [demotion, in] : classes_) {
    for (const auto& [holder, waiters] : in.holders) {
      for (const uint64_t number : waiters.numbers) all.push_back({demotion, waiters.running, number});
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace probegate::broker
