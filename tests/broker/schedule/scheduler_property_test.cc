// What docs/leases.md promises, with a lab of 1,000 probes, 200 users and 100,000 requests.
#include <gtest/gtest.h>

#include <algorithm>
#include <queue>
#include <random>

#include "broker/schedule/scheduler.h"

namespace probegate::broker {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Time = Scheduler::Time;

constexpr uint32_t kProbes = 1'000;
constexpr uint32_t kHolders = 200;
constexpr uint64_t kRequests = 100'000;
constexpr uint32_t kBoards = 20;
constexpr minutes kLongestLease{30};
constexpr uint64_t kLookEvery = 101;  // assignments; looking at the whole queue takes a while

struct Waiting {
  Scheduler::Request request;
  Rank RankAt(Time now, uint32_t running) const {
    const auto risen = (now - request.since) / minutes(15);
    return {-static_cast<int64_t>(request.priority) - risen, running, request.number};
  }
};

struct Lease {
  std::string holder;
  std::vector<std::string> probes;
};

class Lab {
 public:
  explicit Lab(uint32_t seed) : numbers_(seed) {
    for (uint32_t i = 0; i < kProbes; ++i) {
      const ProbeNames probe{
          .uid = "P" + std::to_string(i),
          .labels = {{"board", "board" + std::to_string(i % kBoards)}, {"shield", i % 3 == 0 ? "radio" : "none"}}};
      probes_[probe.uid] = probe;
      scheduler_.SetProbe(probe, true);
    }
  }

  // Requests come as fast as they can be served, more or less, until there were enough; then the queue runs empty.
  void Run() {
    while (next_ <= kRequests || !waiting_.empty()) {
      if (next_ <= kRequests && (ends_.empty() || next_arrival_ <= ends_.top().first)) {
        now_ = next_arrival_;
        next_arrival_ += std::chrono::milliseconds(numbers_() % 2400);
        Ask();
      } else {
        ASSERT_FALSE(ends_.empty()) << waiting_.size() << " wait, and nobody has anything";
        now_ = ends_.top().first;
        End(ends_.top().second);
        ends_.pop();
      }
      for (const auto& assignment : scheduler_.Assign(now_)) Check(assignment);
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  const std::vector<std::pair<uint64_t, Scheduler::Pick>>& history() const { return history_; }
  Time::duration longest_wait() const { return longest_wait_; }
  uint64_t served() const { return served_; }

 private:
  void Ask() {
    Scheduler::Request request{.number = next_++,
                               .holder = "user" + std::to_string(numbers_() % kHolders),
                               .access = {},
                               .priority = numbers_() % 10 == 0 ? 1u : 0u,
                               .since = now_,
                               .selectors = {}};
    const std::string board = "board" + std::to_string(numbers_() % kBoards);
    switch (numbers_() % 8) {
      case 0:
        request.selectors = {{.labels = {{"board", board}}, .count = 1 + static_cast<uint32_t>(numbers_() % 4)}};
        break;
      case 1:
        request.selectors = {{.labels = {{"board", board}}}, {.labels = {{"board", "*1*"}, {"shield", "radio"}}}};
        break;
      case 2:
        request.selectors = {{.labels = {{"shield", "radio"}}}};
        break;
      default:
        request.selectors = {{.labels = {{"board", board}}}};
    }
    waiting_[request.number] = {request};
    ASSERT_TRUE(scheduler_.Join(request).ok());
  }

  void End(uint64_t number) {
    scheduler_.Finish(number);
    const Lease& lease = leases_.at(number);
    for (const std::string& uid : lease.probes) leased_.erase(uid);
    --running_[lease.holder];
    leases_.erase(number);
  }

  void Check(const Scheduler::Assignment& assignment) {
    const auto found = waiting_.find(assignment.number);
    ASSERT_NE(found, waiting_.end()) << assignment.number << " does not wait";
    const Waiting waiter = found->second;
    if (served_ % kLookEvery == 0) CheckOrder(waiter, assignment);
    waiting_.erase(found);
    CheckAll(waiter, assignment);
    for (const auto& pick : assignment.probes) {
      ASSERT_TRUE(leased_.insert(pick.uid).second) << pick.uid << " has two holders";
      leases_[assignment.number].probes.push_back(pick.uid);
      history_.emplace_back(assignment.number, pick);
    }
    leases_[assignment.number].holder = waiter.request.holder;
    ++running_[waiter.request.holder];
    longest_wait_ = std::max(longest_wait_, now_ - waiter.request.since);
    ends_.emplace(now_ + seconds(1 + numbers_() % std::chrono::seconds(kLongestLease).count()), assignment.number);
    ++served_;
  }

  // All of what it wanted.
  void CheckAll(const Waiting& waiter, const Scheduler::Assignment& assignment) {
    std::vector<uint32_t> counts(waiter.request.selectors.size());
    for (const auto& pick : assignment.probes) {
      ASSERT_LT(pick.selector, counts.size());
      ++counts[pick.selector];
      EXPECT_TRUE(waiter.request.selectors[pick.selector].Fits(probes_.at(pick.uid)));
    }
    for (size_t i = 0; i < counts.size(); ++i) EXPECT_EQ(counts[i], waiter.request.selectors[i].count);
  }

  // Nobody before it wanted only one of the probes that it got, unless it may have kept them since it was before
  // others.
  void CheckOrder(const Waiting& waiter, const Scheduler::Assignment& assignment) {
    if (CountOf(waiter.request.selectors) > 1 && now_ - waiter.request.since >= minutes(15)) return;
    const Rank rank = waiter.RankAt(now_, running_[waiter.request.holder]);
    for (const auto& [number, other] : waiting_) {
      if (CountOf(other.request.selectors) > 1) continue;
      if (!(other.RankAt(now_, running_[other.request.holder]) < rank)) continue;
      for (const auto& pick : assignment.probes) {
        EXPECT_FALSE(other.request.selectors[0].Fits(probes_.at(pick.uid)))
            << number << " should have got " << pick.uid << " before " << assignment.number;
      }
    }
  }

  std::mt19937 numbers_;
  Scheduler scheduler_{{}};
  std::map<std::string, ProbeNames> probes_;
  Time now_{};
  Time next_arrival_{};
  uint64_t next_ = 1;
  std::map<uint64_t, Waiting> waiting_;
  std::set<std::string> leased_;
  std::map<uint64_t, Lease> leases_;
  std::map<std::string, uint32_t> running_;
  std::priority_queue<std::pair<Time, uint64_t>, std::vector<std::pair<Time, uint64_t>>, std::greater<>> ends_;
  std::vector<std::pair<uint64_t, Scheduler::Pick>> history_;
  Time::duration longest_wait_{};
  uint64_t served_ = 0;
};

class SchedulerPropertyTest : public testing::TestWithParam<uint32_t> {};

TEST_P(SchedulerPropertyTest, ABusyLab) {
  Lab lab(GetParam());
  lab.Run();
  EXPECT_EQ(lab.served(), kRequests);
  EXPECT_GT(lab.longest_wait(), minutes(15)) << "there was no queue worth mentioning";
}

INSTANTIATE_TEST_SUITE_P(Seeds, SchedulerPropertyTest, testing::Values(1, 4711));

TEST(SchedulerProperty, TheSameSeedGivesTheSameAssignments) {
  Lab first(3);
  Lab second(3);
  first.Run();
  second.Run();
  EXPECT_EQ(first.history(), second.history());
}

// A request of all probes of a kind, against requests of one each that never stop coming.
TEST(SchedulerProperty, NobodyStarves) {
  constexpr uint32_t kAll = 8;
  Scheduler scheduler({});
  for (uint32_t i = 0; i < kAll; ++i) {
    scheduler.SetProbe({.uid = "P" + std::to_string(i), .labels = {{"board", "x"}}}, true);
  }
  std::mt19937 numbers(9);
  Time now{};
  std::multimap<Time, uint64_t> ends;
  uint64_t next = 2;
  const auto ask = [&](uint64_t number, uint32_t count, const std::string& holder) {
    const Selector selector{.labels = {{"board", "x"}}, .count = count};
    ASSERT_TRUE(scheduler
                    .Join({.number = number,
                           .holder = holder,
                           .access = {},
                           .priority = 0,
                           .since = now,
                           .selectors = {selector}})
                    .ok());
  };
  for (uint32_t i = 0; i < 2 * kAll; ++i) ask(next++, 1, "others");
  for (const auto& assignment : scheduler.Assign(now)) {
    ends.emplace(now + seconds(numbers() % 1800), assignment.number);
  }
  ask(1, kAll, "patient");
  for (bool served = false; !served;) {
    // Two classes up, it is before all others, and each of them ends within half an hour.
    ASSERT_LT(now - Time{}, minutes(15) + kLongestLease + kLongestLease);
    now = ends.begin()->first;
    scheduler.Finish(ends.begin()->second);
    ends.erase(ends.begin());
    ask(next, 1, "other" + std::to_string(next));
    ++next;
    for (const auto& assignment : scheduler.Assign(now)) {
      served = served || assignment.number == 1;
      ends.emplace(now + seconds(numbers() % 1800), assignment.number);
    }
  }
}

}  // namespace
}  // namespace probegate::broker
