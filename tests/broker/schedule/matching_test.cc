#include "broker/schedule/matching.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace probegate::broker {
namespace {

using Lists = std::vector<std::vector<uint32_t>>;

std::vector<std::optional<uint32_t>> MatchAll(const Lists& lists) {
  std::vector<const std::vector<uint32_t>*> slots;
  for (const auto& list : lists) slots.push_back(&list);
  return Match(slots);
}

// The most slots that can be filled, by trying everything.
size_t Most(const Lists& lists, size_t slot, std::set<uint32_t>& taken) {
  if (slot == lists.size()) return 0;
  size_t most = Most(lists, slot + 1, taken);
  for (const uint32_t candidate : lists[slot]) {
    if (!taken.insert(candidate).second) continue;
    most = std::max(most, 1 + Most(lists, slot + 1, taken));
    taken.erase(candidate);
  }
  return most;
}

TEST(Match, PrefersWhatComesFirst) { EXPECT_THAT(MatchAll({{3, 1}, {3, 2}}), testing::ElementsAre(3, 2)); }

TEST(Match, MovesEarlierSlotsOn) { EXPECT_THAT(MatchAll({{1, 2}, {1}}), testing::ElementsAre(2, 1)); }

TEST(Match, LeavesOutWhatDoesNotFit) {
  EXPECT_THAT(MatchAll({{1}, {1}, {}}), testing::ElementsAre(1, std::nullopt, std::nullopt));
}

TEST(Match, FillsAsManySlotsAsPossible) {
  std::mt19937 numbers(4711);
  for (int round = 0; round < 2000; ++round) {
    Lists lists(1 + numbers() % 5);
    for (auto& list : lists) {
      for (uint32_t candidate = 0; candidate < 5; ++candidate) {
        if (numbers() % 3 == 0) list.push_back(candidate);
      }
    }
    std::set<uint32_t> taken;
    size_t filled = 0;
    const auto chosen = MatchAll(lists);
    for (size_t slot = 0; slot < lists.size(); ++slot) {
      if (!chosen[slot]) continue;
      ++filled;
      EXPECT_TRUE(taken.insert(*chosen[slot]).second);
      EXPECT_THAT(lists[slot], testing::Contains(*chosen[slot]));
    }
    std::set<uint32_t> none;
    EXPECT_EQ(filled, Most(lists, 0, none));
  }
}

}  // namespace
}  // namespace probegate::broker
