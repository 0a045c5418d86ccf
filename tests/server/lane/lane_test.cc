// The lane: order, the lock and its limits, slices, and how sessions and lanes end.
#include "server/lane/lane.h"

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "probe/error.h"
#include "server/commands/command_table.h"
#include "tests/server/lane/lane_fixture.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

TEST_F(LaneTest, EveryCommandInTheProtoHasARow) {
  const auto* oneof = v1::StreamRequest::descriptor()->FindOneofByName("request");
  std::set<std::string_view> names;
  for (int i = 0; i < oneof->field_count(); ++i) {
    const auto* field = oneof->field(i);
    if (field->name() == "open_session") continue;
    const CommandRow* row = FindCommandRow(static_cast<v1::StreamRequest::RequestCase>(field->number()));
    ASSERT_NE(row, nullptr) << field->name();
    EXPECT_EQ(row->name, field->name());
    const bool by_lane = row->kind == CommandKind::kLock || row->kind == CommandKind::kUnlock;
    EXPECT_TRUE(by_lane || row->run != nullptr || row->make_job != nullptr) << field->name();
    EXPECT_EQ(row->make_job != nullptr, row->finish_job != nullptr) << field->name();
    names.insert(row->name);
  }
  EXPECT_EQ(names.size(), CommandTable().size());
}

TEST_F(LaneTest, CommandsOfASessionAreAnsweredInOrder) {
  auto session = Open("a");
  Attach(*session);
  wire_->HoldTransfers();
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string note = "reply " + std::to_string(i);
    // Commands of every kind: with and without the wire, invalid ones, and locks.
    Send(*session, i % 4 == 0 ? ReadDp() : i % 4 == 1 ? GetState() : i % 4 == 2 ? Lock() : Unlock(), note);
    expected.push_back(note);
  }
  wire_->ReleaseTransfers();
  EXPECT_EQ(diary_.WaitFor(20), expected);
}

TEST_F(LaneTest, AnInvalidCommandIsAnsweredInItsTurnAndTheSessionContinues) {
  auto session = Open("a");
  Attach(*session);
  Send(*session, ReadDp(), "1");
  Send(*session, Request([](auto& r) { r.mutable_read_dp()->set_address(3); }), "2");
  Send(*session, v1::StreamRequest(), "3");
  Send(*session, ReadDp(), "4");
  EXPECT_THAT(diary_.WaitFor(4),
              ElementsAre("1", "2 error ERROR_KIND_INVALID_ARGUMENT", "3 error ERROR_KIND_INVALID_ARGUMENT", "4"));
}

TEST_F(LaneTest, CommandsQueuedBySeveralSessionsShareOnePacket) {
  std::vector<std::shared_ptr<Session>> sessions;
  for (int i = 0; i < 8; ++i) {
    sessions.push_back(Open("s" + std::to_string(i)));
    Attach(*sessions.back());
  }
  wire_->HoldTransfers();
  Send(*sessions[0], ReadDp(), "first");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  wire_->ClearLog();
  for (auto& session : sessions) Send(*session, ReadDp(), "rest");
  wire_->ReleaseTransfers();
  diary_.WaitFor(9);
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kTransfer), 2u);
}

TEST_F(LaneTest, AShortReadWaitsForASliceNotForTheWholeBlock) {
  auto bulk = Open("bulk");
  auto quick = Open("quick");
  Attach(*bulk);
  Attach(*quick);
  wire_->HoldTransfers();
  Send(*bulk, ReadBlock(64 * 1024), "block");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  Send(*quick, ReadDp(), "word");
  wire_->ReleaseTransfers();
  EXPECT_THAT(diary_.WaitFor(2), ElementsAre("word", "block"));
}

TEST_F(LaneTest, ASliceEndsEvenIfTheSessionHasMoreAfterTheBlock) {
  auto bulk = Open("bulk");
  auto quick = Open("quick");
  Attach(*bulk);
  Attach(*quick);
  wire_->HoldTransfers();
  Send(*quick, ReadDp(), "first");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  Send(*bulk, ReadBlock(64 * 1024), "block");
  Send(*bulk, GetState(), "state");
  Send(*quick, ReadDp(), "word");
  wire_->ReleaseTransfers();
  EXPECT_THAT(diary_.WaitFor(4), ElementsAre("first", "word", "block", "state"));
}

TEST_F(LaneTest, AnUnlockAfterABlockWaitsForTheWholeBlock) {
  auto bulk = Open("bulk");
  auto quick = Open("quick");
  Attach(*bulk);
  Attach(*quick);
  wire_->HoldTransfers();
  Send(*quick, ReadDp(), "first");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  Send(*bulk, Lock(), "lock");
  Send(*bulk, ReadBlock(64 * 1024), "block");
  Send(*bulk, Unlock(), "unlock");
  Send(*quick, ReadDp(), "word");
  wire_->ReleaseTransfers();
  EXPECT_THAT(diary_.WaitFor(5), ElementsAre("first", "lock", "block", "unlock", "word"));
}

// --- The lock

TEST_F(LaneTest, TheLockKeepsOthersOffTheWireUntilItIsReleased) {
  auto a = Open("a");
  auto b = Open("b");
  Attach(*a);
  Attach(*b);
  EXPECT_TRUE(Call(*a, Lock()).has_lock());
  Send(*b, ReadDp(), "b");
  EXPECT_TRUE(Call(*a, ReadDp()).has_read_dp());
  EXPECT_TRUE(b->snapshot().waits_for_lock);
  EXPECT_TRUE(a->snapshot().holds_lock);
  EXPECT_THAT(diary_.lines(), ElementsAre());
  EXPECT_TRUE(Call(*a, Unlock()).has_unlock());
  EXPECT_THAT(diary_.WaitFor(1), ElementsAre("b"));
}

TEST_F(LaneTest, AnIdleLaneLocksAndUnlocksAtOnce) {
  auto a = Open("a");
  std::vector<std::thread::id> answered_by;
  const auto note = [&](const v1::StreamResponse& response) {
    EXPECT_TRUE(response.has_lock() || response.has_unlock());
    answered_by.push_back(std::this_thread::get_id());
  };
  a->Submit(Lock(), note);
  a->Submit(Unlock(), note);
  EXPECT_THAT(answered_by, ElementsAre(std::this_thread::get_id(), std::this_thread::get_id()));
  EXPECT_EQ(a->snapshot().command_count, 2u);
  EXPECT_FALSE(a->snapshot().holds_lock);
}

TEST_F(LaneTest, LocksNest) {
  auto a = Open("a");
  auto b = Open("b");
  Call(*a, Lock());
  Call(*a, Lock());
  Call(*a, Unlock());
  Send(*b, Lock(), "b");
  EXPECT_TRUE(Call(*a, GetState()).has_get_state());
  EXPECT_THAT(diary_.lines(), ElementsAre());
  Call(*a, Unlock());
  EXPECT_THAT(diary_.WaitFor(1), ElementsAre("b"));
}

TEST_F(LaneTest, WaitersGetTheLockInOrder) {
  auto a = Open("a");
  Call(*a, Lock());
  std::vector<std::shared_ptr<Session>> waiters;
  for (const char* name : {"w1", "w2", "w3"}) {
    waiters.push_back(Open(name));
    Send(*waiters.back(), Lock(), name);
    Send(*waiters.back(), Unlock(), std::string(name) + " unlocked");
  }
  Call(*a, Unlock());
  EXPECT_THAT(diary_.WaitFor(6), ElementsAre("w1", "w1 unlocked", "w2", "w2 unlocked", "w3", "w3 unlocked"));
}

TEST_F(LaneTest, CommandsThatDoNotUseTheWireNeverWaitForALock) {
  auto a = Open("a");
  auto b = Open("b");
  Call(*a, Lock());
  EXPECT_TRUE(Call(*b, GetState()).has_get_state());
  EXPECT_TRUE(Call(*b, Request([](auto& r) { r.mutable_has_swo(); })).has_has_swo());
  EXPECT_TRUE(Call(*b, Request([](auto& r) { r.mutable_open(); })).has_open());
}

TEST_F(LaneTest, AbandonedCommandsDoNotRun) {
  auto a = Open("a");
  auto b = Open("b");
  Attach(*b);
  Call(*a, Lock());
  std::atomic<bool> gave_up = false;
  const auto done = [this](const v1::StreamResponse& response) {
    diary_.Add(response.has_error() ? "given up" : "ran");
  };
  b->Submit(Lock(), done, [&] { return gave_up.load(); });
  b->Submit(ReadDp(), done, [&] { return gave_up.load(); });
  wire_->ClearLog();
  EXPECT_TRUE(b->snapshot().waits_for_lock);
  gave_up = true;
  EXPECT_FALSE(b->snapshot().waits_for_lock);
  Call(*a, Unlock());
  EXPECT_THAT(diary_.WaitFor(2), ElementsAre("given up", "given up"));
  EXPECT_FALSE(b->snapshot().holds_lock);
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kTransfer), 0u);
}

TEST_F(LaneTest, UnlockWithoutALockIsAnError) {
  auto a = Open("a");
  EXPECT_EQ(Call(*a, Unlock()).error().kind(), v1::ERROR_KIND_INVALID_ARGUMENT);
}

TEST_F(LaneTest, ALockIsFreedWhenItsHolderLeaves) {
  auto a = Open("a");
  auto b = Open("b");
  Call(*a, Lock());
  Send(*b, Lock(), "b");
  a.reset();
  EXPECT_THAT(diary_.WaitFor(1), ElementsAre("b"));
}

class ImpatientLaneTest : public LaneTest {
 protected:
  ImpatientLaneTest() : LaneTest({.lock_idle = 30ms, .lock_max = 1h, .presence_interval = 1ms}) {}
};

TEST_F(ImpatientLaneTest, ASilentHolderLosesTheLockWhileAnotherWaits) {
  auto a = Open("a");
  auto b = Open("b");
  Call(*a, Lock());
  Call(*a, Lock());
  Send(*b, Lock(), "b");
  EXPECT_THAT(diary_.WaitFor(1), ElementsAre("b"));
  EXPECT_THAT(events_.diary.WaitFor(1), ElementsAre("broken a for b"));
  EXPECT_THAT(events_.locks.WaitFor(2), ElementsAre("a", "b"));
  // The former holder's session goes on: each unlock that it still owes succeeds once, and its commands wait like any
  // other's.
  EXPECT_TRUE(Call(*a, Unlock()).has_unlock());
  EXPECT_TRUE(Call(*a, Unlock()).has_unlock());
  EXPECT_EQ(Call(*a, Unlock()).error().kind(), v1::ERROR_KIND_INVALID_ARGUMENT);
}

TEST_F(ImpatientLaneTest, ALockIsNotTakenAwayWithoutAWaiter) {
  auto a = Open("a");
  Call(*a, Lock());
  // The holder is idle for longer than lock_idle, while the lane wakes up every millisecond and could check the lock.
  const auto until = std::chrono::steady_clock::now() + 100ms;
  auto other = Open("other");
  while (std::chrono::steady_clock::now() < until) Call(*other, GetState());
  EXPECT_TRUE(a->snapshot().holds_lock);
}

class StrictLaneTest : public LaneTest {
 protected:
  StrictLaneTest() : LaneTest({.lock_idle = 1h, .lock_max = 50ms}) {}
};

TEST_F(StrictLaneTest, ABusyHolderLosesTheLockEventually) {
  auto a = Open("a");
  auto b = Open("b");
  Attach(*a);
  Call(*a, Lock());
  Send(*b, Lock(), "b");
  Send(*b, Unlock(), "b unlocked");
  EXPECT_TRUE(Eventually([&] {
    Call(*a, ReadDp());
    return !a->snapshot().holds_lock;
  })) << "the lock was not taken away";
  EXPECT_THAT(diary_.WaitFor(2), ElementsAre("b", "b unlocked"));
}

// --- Ends

TEST_F(LaneTest, WhatASessionWritesToMemoryIsCounted) {
  auto session = Open("a");
  Attach(*session);
  EXPECT_EQ(session->snapshot().written.bytes, 0u);
  EXPECT_TRUE(Call(*session, ReadBlock(64)).has_read_block8());
  EXPECT_EQ(session->snapshot().written.bytes, 0u) << "reading writes nothing";
  EXPECT_TRUE(Call(*session, Request([](auto& r) {
                r.mutable_write_block32()->set_address(kRam + 0x100);
                for (uint32_t word : {1, 2, 3, 4}) r.mutable_write_block32()->add_values(word);
              })).has_write_block32());
  EXPECT_TRUE(Call(*session, Request([](auto& r) {
                r.mutable_write_mem()->set_address(kRam + 0x203);
                r.mutable_write_mem()->set_transfer_size(8);
              })).has_write_mem());
  const WrittenMemory written = session->snapshot().written;
  EXPECT_EQ(written.bytes, 17u);
  EXPECT_EQ(written.first, kRam + 0x100);
  EXPECT_EQ(written.last, kRam + 0x203);
}

TEST_F(LaneTest, ResetsAreTold) {
  auto session = Open("a");
  Attach(*session);
  EXPECT_TRUE(
      Call(*session, Request([](auto& r) { r.mutable_assert_reset()->set_asserted(true); })).has_assert_reset());
  EXPECT_TRUE(Call(*session, Request([](auto& r) { r.mutable_assert_reset(); })).has_assert_reset());
  EXPECT_TRUE(Call(*session, Request([](auto& r) { r.mutable_reset(); })).has_reset());
  EXPECT_THAT(events_.diary.lines(), ElementsAre("reset by a", "reset by a"));
}

TEST_F(LaneTest, ADroppedSessionGivesBackEverything) {
  auto a = Open("a");
  Attach(*a);
  EXPECT_EQ(lane_->usage().sessions_open, 1u);
  a.reset();
  EXPECT_EQ(lane_->usage().sessions, 0u);
  auto b = Open("b");
  Attach(*b);  // after the farewell in the queue
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kClose), 1u);
}

TEST_F(LaneTest, ASessionDroppedInTheMiddleOfABlockDoesNotCallBack) {
  auto a = Open("a");
  auto b = Open("b");
  Attach(*a);
  Attach(*b);
  wire_->HoldTransfers();
  Send(*a, ReadBlock(1 << 20), "never");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  a.reset();
  wire_->ReleaseTransfers();
  EXPECT_TRUE(Call(*b, ReadDp()).has_read_dp());
  EXPECT_THAT(diary_.lines(), ElementsAre());
}

TEST_F(LaneTest, ASessionThatLeavesIsGoneEvenIfAPointerToItRemains) {
  auto a = Open("a");
  auto b = Open("b");
  Attach(*a);
  Attach(*b);
  wire_->HoldTransfers();
  Send(*a, ReadDp(), "never");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  a->Leave();
  a->Leave();
  EXPECT_EQ(lane_->usage().sessions, 1u);
  Send(*a, ReadDp(), "neither");
  wire_->ReleaseTransfers();
  EXPECT_TRUE(Call(*b, ReadDp()).has_read_dp());
  EXPECT_THAT(diary_.lines(), ElementsAre());
}

TEST_F(LaneTest, AnEndedSessionIsToldOnceAndAnswersWithTheReason) {
  auto a = Open("a");
  auto b = Open("b");
  Call(*b, Lock());
  Send(*a, Lock(), "waiting");
  const absl::Status why = MakeError(ErrorKind::kProbeDisconnected, "kicked");
  a->End({SessionEndCause::kKicked, why});
  a->End({SessionEndCause::kKicked, why});
  EXPECT_THAT(diary_.WaitFor(2), ElementsAre("waiting error ERROR_KIND_PROBE_DISCONNECTED", "a ended: kicked"));
  EXPECT_THAT(Call(*a, GetState()).error().message(), HasSubstr("kicked"));
  EXPECT_EQ(lane_->usage().sessions, 1u);
}

// An owner leaves when it is told of the end, while another of its threads may be about to submit a command. That
// command must not wait forever.
TEST_F(LaneTest, AnEndedSessionAnswersEvenAfterItsOwnerHasLeft) {
  std::shared_ptr<Session> a;
  a = lane_
          ->OpenSession(SessionId::Random(), {},
                        [&](const SessionEnd&) {
                          a->Leave();
                          diary_.Add("left");
                        })
          .value();
  Attach(*a);
  wire_->Unplug();
  ASSERT_THAT(diary_.WaitFor(1), ElementsAre("left"));
  EXPECT_EQ(Call(*a, ReadDp()).error().kind(), v1::ERROR_KIND_PROBE_DISCONNECTED);
  EXPECT_EQ(Call(*a, Lock()).error().kind(), v1::ERROR_KIND_PROBE_DISCONNECTED);
}

TEST_F(LaneTest, LosingTheProbeEndsItsSessions) {
  auto a = Open("a");
  Attach(*a);
  wire_->Unplug();
  EXPECT_EQ(Call(*a, ReadDp()).error().kind(), v1::ERROR_KIND_PROBE_DISCONNECTED);
  EXPECT_THAT(events_.diary.WaitFor(1), ElementsAre("gone FAKE0001"));
  EXPECT_EQ(diary_.WaitFor(1).size(), 1u);
  EXPECT_FALSE(lane_->OpenSession(SessionId::Random(), {}, nullptr).ok());
}

TEST_F(LaneTest, TheLossOfAnIdleProbeIsNoticed) {
  auto a = Open("a");
  wire_->Unplug();
  EXPECT_THAT(events_.diary.WaitFor(1), ElementsAre("gone FAKE0001"));
}

TEST_F(LaneTest, StopLetsTheCommandOnTheWireFinishAndLeavesTheProbeDisconnected) {
  auto a = Open("a");
  Attach(*a);
  wire_->HoldTransfers();
  Send(*a, ReadDp(), "on the wire");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  Send(*a, ReadDp(), "queued");
  const auto stopped =
      std::async(std::launch::async, [&] { lane_->Stop(MakeError(ErrorKind::kProbeDisconnected, "stopping")); });
  EXPECT_TRUE(Eventually([&] { return !lane_->OpenSession(SessionId::Random(), {}, nullptr).ok(); }))
      << "the lane does not stop";
  wire_->ReleaseTransfers();
  EXPECT_EQ(stopped.wait_for(kBound), std::future_status::ready) << "Stop does not return";
  EXPECT_THAT(diary_.lines(),
              ElementsAre("on the wire", "queued error ERROR_KIND_PROBE_DISCONNECTED", "a ended: stopping"));
  EXPECT_FALSE(wire_->is_connected());
  EXPECT_FALSE(wire_->is_open());
}

TEST_F(LaneTest, ManySessionsOnManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this, t] {
      for (int round = 0; round < 5 && !HasFailure(); ++round) {
        auto session = Open("t" + std::to_string(t));
        Attach(*session);
        for (int i = 0; i < 20 && !HasFailure(); ++i) {
          Call(*session, Lock());
          EXPECT_TRUE(Call(*session, ReadDp()).has_read_dp());
          EXPECT_EQ(Call(*session, ReadBlock(100)).read_block8().data().size(), 100u);
          Call(*session, Unlock());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lane_->usage().sessions, 0u);
}

}  // namespace
}  // namespace probegate
