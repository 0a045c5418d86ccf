#include "broker/schedule/waiting_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace probegate::broker {
namespace {

using testing::ElementsAre;

TEST(WaitingLine, HigherClassThenFewerLeasesThenFirstCome) {
  WaitingLine line;
  line.Add(1, /*holder=*/10, /*demotion=*/0, /*running=*/2);
  line.Add(2, 11, 0, 1);
  line.Add(3, 11, 0, 1);
  line.Add(4, 10, -1, 2);
  EXPECT_THAT(line.All(), ElementsAre(Rank{-1, 2, 4}, Rank{0, 1, 2}, Rank{0, 1, 3}, Rank{0, 2, 1}));
  EXPECT_EQ(line.first(), (Rank{-1, 2, 4}));
}

TEST(WaitingLine, FollowsTheNumberOfLeases) {
  WaitingLine line;
  line.Add(1, 10, 0, 0);
  line.Add(2, 11, 0, 0);
  line.SetRunning(10, 1);
  EXPECT_EQ(line.first().number, 2u);
  line.SetRunning(11, 2);
  EXPECT_EQ(line.first().number, 1u);
}

// The first is always the least of all.
TEST(WaitingLine, KeepsTheOrderWhateverHappens) {
  std::mt19937 numbers(7);
  struct Waiter {
    uint64_t number;
    uint32_t holder;
    int64_t demotion;
  };
  WaitingLine line;
  std::vector<Waiter> waiters;
  std::vector<uint32_t> running(5);
  for (uint64_t step = 0; step < 20'000; ++step) {
    const uint32_t holder = numbers() % running.size();
    if (const auto what = numbers() % 5; what < 2) {
      waiters.push_back({step, holder, -static_cast<int64_t>(numbers() % 3)});
      line.Add(step, holder, waiters.back().demotion, running[holder]);
    } else if (what < 4 && !waiters.empty()) {
      const auto gone = waiters.begin() + static_cast<std::ptrdiff_t>(numbers() % waiters.size());
      line.Remove(gone->number, gone->holder, gone->demotion);
      waiters.erase(gone);
    } else {
      running[holder] = numbers() % 4;
      line.SetRunning(holder, running[holder]);
    }
    std::vector<Rank> expected;
    for (const Waiter& waiter : waiters) expected.push_back({waiter.demotion, running[waiter.holder], waiter.number});
    ASSERT_EQ(line.size(), expected.size());
    if (expected.empty()) continue;
    ASSERT_EQ(line.first(), *std::min_element(expected.begin(), expected.end()));
    if (step % 100 != 0) continue;
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(line.All(), expected);
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(line.PositionOf(expected[i]), i + 1);
  }
}

}  // namespace
}  // namespace probegate::broker
