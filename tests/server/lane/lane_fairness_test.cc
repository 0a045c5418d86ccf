// That every session has its turn, and its lock, within a bound, whatever the others send: random clients, with a clock
// that the test sets.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "server/lane/lane_queue.h"
#include "server/metrics/server_metrics.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

using Request = v1::StreamRequest;

constexpr size_t kSlice = 1024;
constexpr LockBounds kBounds{.idle = 10s, .max = 60s};

Request Lock() {
  Request request;
  request.mutable_lock();
  return request;
}
Request ReadDp() {
  Request request;
  request.mutable_read_dp()->set_address(4);
  return request;
}
Request ReadBlock(uint32_t words) {
  Request request;
  request.mutable_read_block32()->set_address(0x20000000);
  request.mutable_read_block32()->set_word_count(words);
  return request;
}
Request Connect() {
  Request request;
  request.mutable_connect();
  return request;
}

// A queue with its time, and what its lane does to batches.
class Bench {
 public:
  using MemberPtr = LaneQueue::MemberPtr;

  MemberPtr Open(const std::string& name, const std::string& client) {
    return std::make_shared<LaneMember>(
        SessionSnapshot{.name = name, .client_key = client}, [](const SessionEnd&) {}, now);
  }
  void Submit(const MemberPtr& member, Request request) {
    std::vector<LaneCommand> commands =
        MakeLaneCommands(std::move(request), [](const v1::StreamResponse&) {}, nullptr, *metrics_, now);
    queue.Submit(member, commands, now);
  }
  // Carries out a batch: what is beyond its first `done` items, or beyond a slice of its first one, is cut. Returns the
  // names of the sessions that got something done, in order.
  std::vector<std::string> Step(size_t done) {
    Batch batch = queue.Take(kSlice);
    std::vector<std::string> names;
    bool cut = false;
    for (size_t i = 0; i < batch.size(); ++i) {
      std::optional<TransferJob>& job = batch[i].command.job;
      if (!cut && i < done) {
        names.push_back(batch[i].member->name());
        const size_t most =
            std::min(job ? job->words.size() - job->transfers_left() + kSlice : 0, job ? job->words.size() : 0);
        if (job) job->ContinueFrom(most);
        cut = job && !job->finished();
      } else {
        cut = true;
      }
      batch[i].unfinished = cut;
    }
    queue.Executed(batch, now);
    queue.Answered(batch);
    return names;
  }

  LaneQueue::TimePoint now = LaneQueue::TimePoint(1000h);

 private:
  static v1::ProbeDescription Description() {
    v1::ProbeDescription description;
    description.set_unique_id("P1");
    return description;
  }
  MetricSet metric_set_;
  ServerMetrics server_metrics_{metric_set_};
  const std::shared_ptr<ProbeMetrics> metrics_ = server_metrics_.OnProbeHere(Description());

 public:
  LaneQueue queue{kBounds, *metrics_};
};

TEST(LaneFairnessTest, ClientsTakeTurnsWhateverTheNumberOfTheirSessions) {
  Bench bench;
  const auto one = bench.Open("one", "x");
  std::vector<LaneQueue::MemberPtr> many;
  for (int i = 0; i < 12; ++i) many.push_back(bench.Open("many" + std::to_string(i), "y"));
  for (const auto& member : many) bench.Submit(member, ReadBlock(10 * kSlice));
  bench.Submit(one, ReadBlock(10 * kSlice));
  std::map<char, int> turns;
  for (int i = 0; i < 20; ++i) ++turns[bench.Step(SIZE_MAX).front().front()];
  EXPECT_EQ(turns['o'], 10) << "half the turns, as the other client has";
}

TEST(LaneFairnessTest, ClientsShareABatch) {
  Bench bench;
  const auto one = bench.Open("one", "x");
  std::vector<LaneQueue::MemberPtr> many;
  for (int i = 0; i < 12; ++i) many.push_back(bench.Open("many" + std::to_string(i), "y"));
  for (const auto& member : many) {
    for (int i = 0; i < 100; ++i) bench.Submit(member, ReadDp());
  }
  for (int i = 0; i < 100; ++i) bench.Submit(one, ReadDp());
  const std::vector<std::string> names = bench.Step(SIZE_MAX);
  const auto of_one = std::count(names.begin(), names.end(), "one");
  EXPECT_LE(names.size(), 128u);
  EXPECT_GE(of_one, 5);
  EXPECT_GE(std::count(names.begin(), names.end(), "many11"), 1) << "the sessions of a client share what it has";
}

TEST(LaneFairnessTest, WhatWasCutBeforeItBeganKeepsItsPlace) {
  Bench bench;
  const auto a1 = bench.Open("a1", "a");
  const auto a2 = bench.Open("a2", "a");
  const auto b = bench.Open("b", "b");
  for (const auto& member : {a1, a2, b}) bench.Submit(member, ReadDp());
  EXPECT_THAT(bench.Step(1), ElementsAre("a1"));
  bench.Submit(a1, ReadDp());
  EXPECT_THAT(bench.Step(1), ElementsAre("b"));
  EXPECT_THAT(bench.Step(SIZE_MAX), ElementsAre("a2", "a1"));
}

TEST(LaneFairnessTest, ALockInTheRestOfABatchThatWasCutIsNotTaken) {
  Bench bench;
  const auto a = bench.Open("a", "a");
  const auto b = bench.Open("b", "b");
  bench.Submit(a, ReadDp());
  bench.Submit(b, Lock());
  EXPECT_THAT(bench.Step(1), ElementsAre("a"));
  EXPECT_FALSE(bench.queue.locked());
  EXPECT_THAT(bench.Step(1), ElementsAre("b"));
  EXPECT_TRUE(bench.queue.Holds(*b));
}

// Of C clients, one with n sessions has one of C turns, and each of its sessions one of n of those. A batch is at least
// one turn.
TEST(LaneFairnessTest, NoSessionStarves) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](size_t n) { return random() % n; };
    Bench bench;
    struct Waiting {
      LaneQueue::MemberPtr member;
      size_t bound;        // batches
      size_t batches = 0;  // since it came into the line, or had something done
    };
    std::vector<Waiting> sessions;
    const size_t clients = 1 + below(5);
    for (size_t c = 0; c < clients; ++c) {
      const size_t count = 1 + below(12);
      for (size_t s = 0; s < count; ++s) {
        const std::string client = "c" + std::to_string(c);
        sessions.push_back({bench.Open(client + "s" + std::to_string(s), client), clients * count});
      }
    }
    for (int step = 0; step < 400; ++step) {
      for (size_t i = below(sessions.size()); i > 0; --i) {
        const auto& member = sessions[below(sessions.size())].member;
        if (member->commands().size() > 200) continue;
        switch (below(4)) {
          case 0:
            bench.Submit(member, ReadBlock(static_cast<uint32_t>(1 + below(4 * kSlice))));
            break;
          case 1:
            bench.Submit(member, Connect());
            break;
          default:
            for (size_t n = below(100); n > 0; --n) bench.Submit(member, ReadDp());
        }
      }
      const std::vector<std::string> done = bench.Step(below(2) == 0 ? SIZE_MAX : 1 + below(70));
      for (Waiting& session : sessions) {
        const bool waits = !session.member->commands().empty();
        const bool served = std::find(done.begin(), done.end(), session.member->name()) != done.end();
        session.batches = waits && !served ? session.batches + 1 : 0;
        ASSERT_LE(session.batches, session.bound) << session.member->name() << ", seed " << seed;
      }
    }
  }
}

// --- The lock

// Twelve sessions of "mob" want the lock and keep it as long as they can. Returns how long `late`, which wants it after
// them, waits. `leaves`: a session that has lost the lock does not come back.
std::chrono::steady_clock::duration WaitBehindAMob(const std::string& client, bool leaves) {
  Bench bench;
  std::vector<LaneQueue::MemberPtr> mob;
  for (int i = 0; i < 12; ++i) mob.push_back(bench.Open("mob" + std::to_string(i), "mob"));
  const auto late = bench.Open("late", client);
  for (const auto& member : mob) bench.Submit(member, Lock());
  bench.Submit(late, Lock());
  const auto begun = bench.now;
  while (!bench.queue.Holds(*late) && bench.now < begun + 20 * kBounds.max) {
    for (const auto& member : mob) {
      if (bench.queue.Holds(*member)) bench.Submit(member, ReadDp());  // so that it is not idle
    }
    if (const auto broken = bench.queue.BreakLock(bench.now)) {
      const auto loser = std::find_if(mob.begin(), mob.end(), [&](const auto& m) { return m.get() == broken->holder; });
      bench.Submit(*loser, leaves ? Request() : Lock());
    }
    bench.Step(SIZE_MAX);
    bench.now += 10ms;
  }
  return bench.now - begun;
}

TEST(LaneFairnessTest, TheSessionsOfAClientShareItsTimeWithTheLock) {
  EXPECT_LE(WaitBehindAMob("mob", false), kBounds.max + 1s);
  EXPECT_LE(WaitBehindAMob("mob", true), kBounds.max + 1s);
}

TEST(LaneFairnessTest, AnotherClientWaitsForOneSessionOfAMob) {
  EXPECT_LE(WaitBehindAMob("honest", false), kBounds.max / 12 + 1s);
  EXPECT_LE(WaitBehindAMob("honest", true), kBounds.max / 12 + 1s);
}

TEST(LaneFairnessTest, ASingleSessionKeepsTheLockForTheWholeTime) {
  Bench bench;
  const auto a = bench.Open("a", "a");
  const auto b = bench.Open("b", "b");
  bench.Submit(a, Lock());
  bench.Submit(b, Lock());
  bench.Submit(a, ReadDp());
  EXPECT_EQ(bench.queue.LockDeadline(), bench.now + kBounds.max);
}

}  // namespace
}  // namespace probegate
