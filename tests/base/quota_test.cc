#include "base/quota.h"

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string WhyNot(const absl::StatusOr<Quota::Grant>& grant) { return std::string(grant.status().message()); }

TEST(Quota, AClientGetsItsShareAndNoMore) {
  Quota quota("sessions", {.all = 10, .per_client = 3});
  const auto first = quota.Take("a", 2);
  const auto second = quota.Take("a", 1);
  ASSERT_TRUE(first.ok() && second.ok());
  const auto third = quota.Take("a", 1);
  EXPECT_EQ(third.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(WhyNot(third), "the limit for the sessions of one client is 3, and a has 3");
  EXPECT_TRUE(quota.Take("b", 3).ok()) << "the share of another client";
}

TEST(Quota, AClientMayHaveAShareOfItsOwn) {
  Quota quota("sessions", {.all = 10, .per_client = 3});
  const auto one = quota.Take("a", 1, 1);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(WhyNot(quota.Take("a", 1, 1)), "the limit for the sessions of one client is 1, and a has 1");
  EXPECT_TRUE(quota.Take("a", 5, 6).ok()) << "it may be larger than that of all";
}

TEST(Quota, AllClientsTogetherGetTheLimitForAll) {
  Quota quota("sessions", {.all = 4, .per_client = 3});
  const auto a = quota.Take("a", 3);
  const auto b = quota.Take("b", 2);
  EXPECT_EQ(b.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(WhyNot(b), "the limit for the sessions of all clients together is 4, and 3 are in use");
  EXPECT_TRUE(quota.Take("b", 1).ok());
}

TEST(Quota, ARefusalTakesNothingAndIsCounted) {
  Quota quota("bytes", {.all = 4, .per_client = 3});
  const auto held = quota.Take("a", 3);
  EXPECT_FALSE(quota.Take("a", 1).ok());
  EXPECT_FALSE(quota.Take("b", 2).ok());
  const Quota::Usage usage = quota.usage();
  EXPECT_EQ(usage.taken, 3u);
  EXPECT_EQ(usage.refused_client, 1u);
  EXPECT_EQ(usage.refused_all, 1u);
  EXPECT_EQ(quota.taken_by("b"), 0u);
}

TEST(Quota, AClientWithNothingGetsMoreThanItsShareIfThereIsRoomForAll) {
  Quota quota("bytes", {.all = 10, .per_client = 3});
  auto large = quota.Take("a", 8);
  ASSERT_TRUE(large.ok());
  EXPECT_FALSE(quota.Take("a", 1).ok());
  large->GiveBack();
  EXPECT_FALSE(quota.Take("a", 11).ok());
}

TEST(Quota, HugeAmountsDoNotWrapAround) {
  Quota quota("bytes", {.all = 10, .per_client = 5});
  const auto held = quota.Take("a", 2);
  EXPECT_FALSE(quota.Take("a", std::numeric_limits<uint64_t>::max()).ok());
  EXPECT_FALSE(quota.Take("b", std::numeric_limits<uint64_t>::max() - 1).ok());
  EXPECT_EQ(quota.usage().taken, 2u);
}

TEST(Quota, AnAmountOf0AlwaysFits) {
  Quota quota("bytes", {.all = 2, .per_client = 1});
  const auto full = quota.Take("a", 2);  // more than its share, and all that there is
  const auto none = quota.Take("a", 0);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(*none);
  EXPECT_TRUE(quota.Take("b", 0).ok());
  EXPECT_EQ(quota.taken_by("a"), 2u);
}

TEST(Quota, TakesAnywayWhatIsThereAlready) {
  Quota quota("bytes", {.all = 4, .per_client = 2});
  const auto a = quota.TakeAnyway("a", 5);
  EXPECT_EQ(a.amount(), 5u);
  EXPECT_EQ(quota.usage().taken, 5u);
  EXPECT_EQ(quota.usage().refused_all, 0u);
  EXPECT_FALSE(quota.Take("b", 1).ok());
}

TEST(Quota, UsageTellsWhatTheLargestClientHas) {
  Quota quota("bytes", {.all = 10, .per_client = 5});
  const auto a = quota.Take("a", 2);
  const auto b = quota.Take("b", 4);
  EXPECT_EQ(quota.usage().taken, 6u);
  EXPECT_EQ(quota.usage().largest, 4u);
}

TEST(QuotaGrant, GivesBackWhenItEnds) {
  Quota quota("bytes", {.all = 3, .per_client = 3});
  {
    const auto held = quota.Take("a", 3);
    EXPECT_EQ(quota.taken_by("a"), 3u);
  }
  EXPECT_EQ(quota.usage().taken, 0u);
}

TEST(QuotaGrant, GivesBackOnce) {
  Quota quota("bytes", {.all = 3, .per_client = 3});
  const auto other = quota.Take("a", 1);
  auto held = quota.Take("a", 2);
  held->GiveBack();
  EXPECT_FALSE(*held);
  EXPECT_EQ(held->amount(), 0u);
  held->GiveBack();
  EXPECT_EQ(quota.taken_by("a"), 1u);
}

TEST(QuotaGrant, MovesWithWhatItHas) {
  Quota quota("bytes", {.all = 9, .per_client = 9});
  auto a = quota.Take("a", 2);
  auto b = quota.Take("b", 3);
  Quota::Grant moved(*std::move(a));
  EXPECT_FALSE(*a);
  EXPECT_EQ(moved.amount(), 2u);
  EXPECT_EQ(quota.usage().taken, 5u) << "moving takes and gives nothing";

  moved = *std::move(b);
  EXPECT_EQ(quota.taken_by("a"), 0u) << "what it had before is given back";
  EXPECT_EQ(moved.amount(), 3u);
  Quota::Grant& itself = moved;
  moved = std::move(itself);
  EXPECT_EQ(moved.amount(), 3u);
  EXPECT_EQ(quota.taken_by("b"), 3u);
}

TEST(QuotaGrant, Shrinks) {
  Quota quota("bytes", {.all = 9, .per_client = 9});
  auto held = quota.Take("a", 5);
  held->ShrinkTo(7);
  EXPECT_EQ(quota.taken_by("a"), 5u);
  held->ShrinkTo(2);
  EXPECT_EQ(held->amount(), 2u);
  EXPECT_EQ(quota.taken_by("a"), 2u);
  held->ShrinkTo(0);
  EXPECT_EQ(quota.taken_by("a"), 0u);
  Quota::Grant().ShrinkTo(0);
}

// Counts how often it was called.
struct Retry {
  std::function<void()> callback() {
    return [count = count] { ++*count; };
  }
  std::shared_ptr<int> count = std::make_shared<int>(0);
};

TEST(QuotaWhenRoom, RetriesAtOnceIfThereIsRoom) {
  Quota quota("bytes", {.all = 3, .per_client = 3});
  Retry retry;
  quota.WhenRoom("a", 3, retry.count, retry.callback());
  EXPECT_EQ(*retry.count, 1);
}

TEST(QuotaWhenRoom, RetriesOnceThereIsRoom) {
  Quota quota("bytes", {.all = 4, .per_client = 3});
  auto held = quota.Take("a", 2);
  auto more = quota.Take("a", 1);
  Retry retry;
  quota.WhenRoom("a", 2, retry.count, retry.callback());
  more->GiveBack();
  EXPECT_EQ(*retry.count, 0) << "only one is free";
  held->ShrinkTo(1);
  EXPECT_EQ(*retry.count, 1);
  held->GiveBack();
  EXPECT_EQ(*retry.count, 1) << "it is called once";
}

TEST(QuotaWhenRoom, WaitsForTheClientsOwnShareIfItHasOne) {
  Quota quota("bytes", {.all = 9, .per_client = 9});
  auto held = quota.Take("a", 2, 2);
  Retry retry;
  quota.WhenRoom("a", 1, retry.count, retry.callback(), 2);
  EXPECT_EQ(*retry.count, 0);
  held->ShrinkTo(1);
  EXPECT_EQ(*retry.count, 1);
}

TEST(QuotaWhenRoom, WaitsForTheLimitOfAllToo) {
  Quota quota("bytes", {.all = 4, .per_client = 3});
  auto a = quota.Take("a", 3);
  Retry retry;
  quota.WhenRoom("b", 2, retry.count, retry.callback());
  EXPECT_EQ(*retry.count, 0);
  a->GiveBack();
  EXPECT_EQ(*retry.count, 1);
}

TEST(QuotaWhenRoom, RetriesInTheOrderOfTheRequests) {
  Quota quota("bytes", {.all = 4, .per_client = 4});
  auto held = quota.Take("a", 4);
  const auto owner = std::make_shared<int>(0);
  std::vector<int> order;
  for (const int i : {1, 2, 3}) quota.WhenRoom("a", 1, owner, [&order, i] { order.push_back(i); });
  held->GiveBack();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(QuotaWhenRoom, DropsARetryWhoseOwnerHasGone) {
  Quota quota("bytes", {.all = 2, .per_client = 2});
  auto held = quota.Take("a", 2);
  auto owner = std::make_shared<int>(0);
  const auto captured = std::make_shared<int>(0);
  quota.WhenRoom("a", 1, owner, [captured] { ++*captured; });
  owner.reset();
  held->GiveBack();
  EXPECT_EQ(*captured, 0);
  EXPECT_EQ(captured.use_count(), 1) << "and what it refers to";
}

// What a dropped retry refers to may be a grant, which is given back without a deadlock.
TEST(QuotaWhenRoom, ARetryMayOwnAGrant) {
  Quota quota("bytes", {.all = 4, .per_client = 4});
  auto held = quota.Take("a", 3);
  auto owned = std::make_shared<Quota::Grant>(*quota.Take("a", 1));
  auto owner = std::make_shared<int>(0);
  quota.WhenRoom("a", 2, owner, [owned] {});
  owned.reset();
  owner.reset();
  held->GiveBack();
  EXPECT_EQ(quota.usage().taken, 0u);
}

TEST(QuotaWhenRoom, ARetryMayTakeAndWaitAgain) {
  Quota quota("bytes", {.all = 1, .per_client = 1});
  auto held = quota.Take("a", 1);
  const auto owner = std::make_shared<int>(0);
  std::vector<Quota::Grant> got;
  for (int i = 0; i < 3; ++i) {
    const auto retry = [&](const auto& self) -> void {
      auto grant = quota.Take("a", 1);
      if (grant.ok()) {
        got.push_back(*std::move(grant));
      } else {
        quota.WhenRoom("a", 1, owner, [self] { self(self); });
      }
    };
    retry(retry);
  }
  EXPECT_TRUE(got.empty());
  held->GiveBack();
  ASSERT_EQ(got.size(), 1u);
  got[0].GiveBack();
  ASSERT_EQ(got.size(), 2u);
  got[1].GiveBack();
  EXPECT_EQ(got.size(), 3u);
}

TEST(Quota, ThreadsNeverGetMoreThanThereIs) {
  Quota quota("bytes", {.all = 3, .per_client = 2});
  std::atomic<int> in_use = 0;
  std::atomic<bool> too_many = false;
  std::vector<std::thread> threads;
  for (const char* client : {"a", "a", "b", "c"}) {
    threads.emplace_back([&, client] {
      const auto owner = std::make_shared<int>(0);
      for (int i = 0; i < 2000; ++i) {
        auto grant = quota.Take(client, 1);
        if (!grant.ok()) {
          quota.WhenRoom(client, 1, owner, [] {});
          continue;
        }
        if (++in_use > 3) too_many = true;
        --in_use;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(too_many);
  EXPECT_EQ(quota.usage().taken, 0u);
}

}  // namespace
}  // namespace probegate
