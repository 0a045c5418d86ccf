#include "broker/schedule/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace probegate::broker {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Uids = std::vector<std::string>;

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest()
      : scheduler_({.may_use = [this](const std::string& access, const ProbeNames& probe) {
          return !hidden_.contains({access, probe.uid});
        }}) {}

  void AddProbe(const std::string& uid, const std::string& board) {
    scheduler_.SetProbe({.uid = uid, .labels = {{"board", board}}}, /*present=*/true);
  }

  absl::Status Ask(uint64_t number, std::vector<Selector> selectors, const std::string& holder = "alice",
                   uint32_t priority = 0, const std::string& access = "") {
    return scheduler_.Join({.number = number,
                            .holder = holder,
                            .access = access,
                            .priority = priority,
                            .since = now_,
                            .selectors = std::move(selectors)});
  }

  // The probes of each request that gets some now.
  std::map<uint64_t, Uids> Assigned() {
    std::map<uint64_t, Uids> assigned;
    for (const auto& assignment : scheduler_.Assign(now_)) {
      for (const auto& pick : assignment.probes) assigned[assignment.number].push_back(pick.uid);
    }
    return assigned;
  }

  std::set<std::pair<std::string, std::string>> hidden_;  // access and probe
  Scheduler::Time now_{};
  Scheduler scheduler_;
};

const Selector kNrf{.labels = {{"board", "nrf52840dk"}}};
const Selector kAny{.labels = {{"board", "*"}}};

using Result = std::map<uint64_t, Uids>;

TEST_F(SchedulerTest, GivesAFreeProbeAtOnce) {
  AddProbe("A", "nrf52840dk");
  ASSERT_TRUE(Ask(1, {kNrf}).ok());
  EXPECT_EQ(Assigned(), (Result{{1, {"A"}}}));
  EXPECT_EQ(scheduler_.waiting(), 0u);
}

TEST_F(SchedulerTest, SelectorsAreLabelsWithPatternsAndUids) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "stm32f4");
  ASSERT_TRUE(Ask(1, {{.labels = {{"board", "STM32*"}}}}).ok());
  ASSERT_TRUE(Ask(2, {{.labels = {{"uid", "?"}, {"board", "nrf*"}}}}).ok());
  EXPECT_EQ(Assigned(), (Result{{1, {"B"}}, {2, {"A"}}}));
}

TEST_F(SchedulerTest, WhatNoProbeFitsFailsAtOnceAndSaysWhatIsMissing) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "stm32f4");
  const absl::Status unknown = Ask(1, {{.labels = {{"board", "nrf91"}}}});
  EXPECT_EQ(unknown.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(unknown.message(),
            "no probe that you may use has board=nrf91; the values of `board` are nrf52840dk, stm32f4");
  EXPECT_THAT(Ask(1, {{.labels = {{"shield", "x"}}}}).message(), HasSubstr("none has the label `shield`"));
  EXPECT_EQ(Ask(1, {{.labels = kNrf.labels, .count = 2}}).message(),
            "of the probes that you may use, 1 have board=nrf52840dk, and 2 are wanted");
  EXPECT_EQ(Ask(1, {kAny, kNrf, kAny}).message(),
            "the selectors together want 3 different probes, and only 2 of those that you may use fit");
  EXPECT_EQ(scheduler_.waiting(), 0u);
}

TEST_F(SchedulerTest, WaitsForProbesThatAreAwayOrInMaintenance) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "nrf52840dk");
  AddProbe("C", "nrf52840dk");
  ASSERT_TRUE(Ask(1, {{.labels = {{"uid", "A"}}}}).ok());
  Assigned();
  scheduler_.SetProbe({.uid = "B", .labels = kNrf.labels}, /*present=*/false);
  scheduler_.SetMaintenance("C", "antenna");
  ASSERT_TRUE(Ask(2, {kNrf}).ok());
  EXPECT_THAT(Assigned(), IsEmpty());
  ASSERT_EQ(scheduler_.Places().size(), 1u);
  EXPECT_EQ(*scheduler_.Places()[0].why,
            "of 3 probes with board=nrf52840dk, 1 is leased, 1 is away, 1 is in maintenance (antenna)");
  scheduler_.SetMaintenance("C", "");
  EXPECT_EQ(Assigned(), (Result{{2, {"C"}}}));
}

TEST_F(SchedulerTest, SeveralProbesAreGivenAllOrNone) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "stm32f4");
  ASSERT_TRUE(Ask(1, {kNrf}).ok());
  Assigned();
  ASSERT_TRUE(Ask(2, {kAny, kNrf}).ok());
  EXPECT_THAT(Assigned(), IsEmpty());
  // What it cannot use yet stays for others.
  ASSERT_TRUE(Ask(3, {kAny}).ok());
  EXPECT_EQ(Assigned(), (Result{{3, {"B"}}}));
  scheduler_.Finish(1);
  EXPECT_THAT(Assigned(), IsEmpty());
  scheduler_.Finish(3);
  EXPECT_EQ(Assigned(), (Result{{2, {"B", "A"}}}));
}

TEST_F(SchedulerTest, TakesTheProbeThatTheFewestOthersWaitFor) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "stm32f4");
  ASSERT_TRUE(Ask(1, {kAny}).ok());
  ASSERT_TRUE(Ask(2, {kAny}).ok());
  Assigned();
  ASSERT_TRUE(Ask(3, {kNrf}).ok());
  ASSERT_TRUE(Ask(4, {kAny}, "bob").ok());
  scheduler_.Finish(1);
  scheduler_.Finish(2);
  EXPECT_EQ(Assigned(), (Result{{3, {"A"}}, {4, {"B"}}}));
}

TEST_F(SchedulerTest, OrderIsClassThenRunningLeasesThenFirstCome) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "stm32f4");
  ASSERT_TRUE(Ask(1, {kNrf}, "alice").ok());
  ASSERT_TRUE(Ask(2, {{.labels = {{"board", "stm32f4"}}}}, "carol").ok());
  Assigned();
  ASSERT_TRUE(Ask(3, {kNrf}, "carol").ok());
  ASSERT_TRUE(Ask(4, {kNrf}, "bob").ok());
  ASSERT_TRUE(Ask(5, {kNrf}, "dave").ok());
  ASSERT_TRUE(Ask(6, {kNrf}, "carol", /*priority=*/1).ok());
  std::vector<uint64_t> order;
  uint64_t last = 1;
  while (scheduler_.waiting() > 0) {
    scheduler_.Finish(last);
    last = Assigned().begin()->first;
    order.push_back(last);
  }
  EXPECT_THAT(order, ElementsAre(6, 4, 5, 3));
}

TEST_F(SchedulerTest, AWaiterRisesOneClassInAQuarterOfAnHour) {
  AddProbe("A", "nrf52840dk");
  ASSERT_TRUE(Ask(1, {kNrf}).ok());
  Assigned();
  ASSERT_TRUE(Ask(2, {kNrf}).ok());
  now_ += minutes(14);
  ASSERT_TRUE(Ask(3, {kNrf}, "bob", /*priority=*/1).ok());
  Assigned();
  EXPECT_EQ(scheduler_.Places().front().number, 3u);
  now_ += minutes(1);
  EXPECT_EQ(scheduler_.NextRise(), now_);
  scheduler_.Finish(1);
  EXPECT_EQ(Assigned(), (Result{{2, {"A"}}}));
}

// Otherwise requests for one probe each, of which there is always another one, would take every probe that comes free.
TEST_F(SchedulerTest, WhoHasWaitedForLongKeepsFreeProbes) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "nrf52840dk");
  ASSERT_TRUE(Ask(1, {kNrf}).ok());
  ASSERT_TRUE(Ask(2, {kNrf}).ok());
  Assigned();
  ASSERT_TRUE(Ask(3, {{.labels = kNrf.labels, .count = 2}}, "bob").ok());
  now_ += minutes(15);
  ASSERT_TRUE(Ask(4, {kNrf}).ok());
  scheduler_.Finish(1);
  EXPECT_THAT(Assigned(), IsEmpty());
  EXPECT_THAT(*scheduler_.Places().back().why, HasSubstr("1 is kept for a request of several probes"));
  scheduler_.Finish(2);
  EXPECT_EQ(Assigned(), (Result{{3, {"A", "B"}}}));
}

TEST_F(SchedulerTest, WhatAWaiterKeptIsForOthersWhenItLeaves) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "nrf52840dk");
  ASSERT_TRUE(Ask(1, {kNrf}).ok());
  ASSERT_TRUE(Ask(2, {{.labels = kNrf.labels, .count = 2}}, "bob").ok());
  Assigned();
  now_ += minutes(15);
  Assigned();
  ASSERT_TRUE(Ask(3, {kNrf}).ok());
  EXPECT_THAT(Assigned(), IsEmpty());
  scheduler_.Leave(2);
  EXPECT_EQ(Assigned(), (Result{{3, {"B"}}}));
}

// Two that each keep what the other needs would wait for ever.
TEST_F(SchedulerTest, WhoIsBeforeMayTakeWhatIsKept) {
  AddProbe("A", "a");
  AddProbe("B", "b");
  const Selector a{.labels = {{"board", "a"}}};
  const Selector b{.labels = {{"board", "b"}}};
  ASSERT_TRUE(Ask(1, {a}, "x").ok());
  ASSERT_TRUE(Ask(2, {b}, "x").ok());
  Assigned();
  ASSERT_TRUE(Ask(3, {a, b}, "y").ok());
  ASSERT_TRUE(Ask(4, {b, a}, "z").ok());
  now_ += minutes(15);
  Assigned();
  scheduler_.Finish(1);
  EXPECT_THAT(Assigned(), IsEmpty());
  // Before 3, which keeps A.
  ASSERT_TRUE(Ask(5, {{.labels = a.labels}, {.labels = b.labels}}, "w", /*priority=*/9).ok());
  scheduler_.Finish(2);
  EXPECT_EQ(Assigned(), (Result{{5, {"A", "B"}}}));
  scheduler_.Finish(5);
  EXPECT_EQ(Assigned(), (Result{{3, {"A", "B"}}}));
}

TEST_F(SchedulerTest, OnlyProbesThatOneMayUse) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "nrf52840dk");
  hidden_ = {{"guest", "A"}};
  ASSERT_TRUE(Ask(1, {kNrf}, "guest", 0, "guest").ok());
  EXPECT_EQ(Assigned(), (Result{{1, {"B"}}}));
  hidden_.insert({"guest", "B"});
  scheduler_.Reconsider();
  EXPECT_EQ(Ask(2, {kNrf}, "guest", 0, "guest").message(),
            "no probe that you may use has board=nrf52840dk; none has the label `board`");
}

TEST_F(SchedulerTest, RulesThatChangeLetWaitersGoOn) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "nrf52840dk");
  hidden_ = {{"guest", "A"}};
  ASSERT_TRUE(Ask(1, {kNrf}, "guest", 0, "guest").ok());
  ASSERT_TRUE(Ask(2, {kNrf}, "guest", 0, "guest").ok());
  EXPECT_EQ(Assigned(), (Result{{1, {"B"}}}));
  hidden_.clear();
  scheduler_.Reconsider();
  EXPECT_EQ(Assigned(), (Result{{2, {"A"}}}));
}

TEST_F(SchedulerTest, AProbeWithOtherLabelsFitsOthers) {
  AddProbe("A", "nrf52840dk");
  AddProbe("B", "stm32f4");
  ASSERT_TRUE(Ask(1, {kNrf}).ok());
  Assigned();
  ASSERT_TRUE(Ask(2, {kNrf}).ok());
  Assigned();
  EXPECT_EQ(scheduler_.WaitingFor("A"), 1u);
  AddProbe("B", "nrf52840dk");
  EXPECT_EQ(Assigned(), (Result{{2, {"B"}}}));
  EXPECT_EQ(scheduler_.WaitingFor("A"), 0u);
}

TEST_F(SchedulerTest, ALeaseOfBeforeHasItsProbes) {
  AddProbe("A", "nrf52840dk");
  scheduler_.Occupy(1, "alice", {"A", "gone"});
  ASSERT_TRUE(Ask(2, {kNrf}).ok());
  EXPECT_THAT(Assigned(), IsEmpty());
  scheduler_.Finish(1);
  EXPECT_EQ(Assigned(), (Result{{2, {"A"}}}));
}

}  // namespace
}  // namespace probegate::broker
