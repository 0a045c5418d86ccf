#include "gateway/client/memory_account.h"

#include <gtest/gtest.h>

namespace probegate {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class MemoryAccountTest : public ::testing::Test {
 protected:
  Quota quota_{"memory", {.all = 4 * kMiB, .per_client = 2 * kMiB}};
};

TEST_F(MemoryAccountTest, TakesItsOwnBytesAndNoMoreForLess) {
  MemoryAccount account(quota_, "a");
  EXPECT_TRUE(account.Hold(MemoryAccount::kOwnBytes));
  EXPECT_EQ(quota_.taken_by("a"), MemoryAccount::kOwnBytes);
}

TEST_F(MemoryAccountTest, TakesWhatIsMissingAndGivesItBack) {
  {
    MemoryAccount account(quota_, "a");
    EXPECT_TRUE(account.Hold(kMiB));
    EXPECT_GE(quota_.taken_by("a"), kMiB);
    account.Settle(0);
    EXPECT_EQ(quota_.taken_by("a"), MemoryAccount::kOwnBytes);
  }
  EXPECT_EQ(quota_.taken_by("a"), 0U);
}

TEST_F(MemoryAccountTest, DoesNotTakeMoreThanTheShare) {
  MemoryAccount account(quota_, "a");
  EXPECT_FALSE(account.Hold(2 * kMiB + 1));
  EXPECT_FALSE(account.MayEverHold(2 * kMiB + 1));
  EXPECT_TRUE(account.MayEverHold(kMiB));
  EXPECT_EQ(quota_.taken_by("a"), MemoryAccount::kOwnBytes);
}

TEST_F(MemoryAccountTest, CountsWhatIsThereAlready) {
  MemoryAccount account(quota_, "a");
  account.Settle(3 * kMiB);
  EXPECT_GE(quota_.taken_by("a"), 3 * kMiB);
}

TEST_F(MemoryAccountTest, CallsBackWhenThereIsRoom) {
  MemoryAccount first(quota_, "a");
  MemoryAccount second(quota_, "a");
  ASSERT_TRUE(first.Hold(kMiB + kMiB / 2));
  ASSERT_FALSE(second.Hold(kMiB));
  const auto owner = std::make_shared<char>();
  int calls = 0;
  second.WhenRoom(kMiB, owner, [&calls] { ++calls; });
  EXPECT_EQ(calls, 0);
  first.Settle(0);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(second.Hold(kMiB));
}

}  // namespace
}  // namespace probegate
