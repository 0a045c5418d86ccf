// Whose turn it is and which session has the lock, without a thread and with a clock that the test sets.
#include "server/lane/lane_queue.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "probe/error.h"
#include "server/metrics/server_metrics.h"
#include "tests/telemetry/exposed.h"

namespace probegate {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;
using namespace std::chrono_literals;

using Request = v1::StreamRequest;

Request Lock() {
  Request request;
  request.mutable_lock();
  return request;
}
Request Unlock() {
  Request request;
  request.mutable_unlock();
  return request;
}
Request ReadDp() {
  Request request;
  request.mutable_read_dp()->set_address(4);
  return request;
}
// One transfer per word; 4096 bytes fill a slice.
Request ReadBlock(uint32_t bytes) {
  Request request;
  request.mutable_read_block8()->set_address(0x20000000);
  request.mutable_read_block8()->set_byte_count(bytes);
  return request;
}
// Uses the wire, but is not a TransferJob.
Request Connect() {
  Request request;
  request.mutable_connect();
  return request;
}
// Does not use the wire.
Request GetState() {
  Request request;
  request.mutable_get_state();
  return request;
}

class LaneQueueTest : public testing::Test {
 protected:
  using MemberPtr = LaneQueue::MemberPtr;
  using Names = std::vector<std::string>;

  static constexpr LockBounds kBounds{.idle = 10s, .max = 60s};

  // A session of the client `client`; if that is empty, of a client of its own.
  MemberPtr Open(const std::string& name, const std::string& client = {}) {
    return std::make_shared<LaneMember>(
        SessionSnapshot{.name = name, .client_key = client.empty() ? name : client}, [](const SessionEnd&) {}, now_);
  }
  LaneQueue::Submitted Submit(const MemberPtr& member, Request request, AbandonedCheck abandoned = nullptr) {
    std::vector<LaneCommand> commands =
        MakeLaneCommands(std::move(request), [](const v1::StreamResponse&) {}, std::move(abandoned), *metrics_, now_);
    return queue_.Submit(member, commands, now_);
  }

  // For example "a read_dp" or "a farewell", followed by the error code if the command failed or was refused.
  static Names NamesOf(const Batch& batch) {
    Names names;
    for (const BatchItem& item : batch) {
      const absl::Status& status = item.command.refused.ok() ? item.status : item.command.refused;
      std::string name = item.member->name() + " ";
      name += item.farewell ? "farewell" : std::string(item.command.row->name);
      if (!status.ok()) name += " " + std::string(absl::StatusCodeToString(status.code()));
      names.push_back(name);
    }
    return names;
  }
  // Finishes `batch`. Returns what must be told to the sessions that were ended meanwhile.
  auto Finish(Batch& batch) {
    queue_.Executed(batch, now_);
    return queue_.Answered(batch);
  }
  // Takes a batch, finishes it, and returns the names of its items.
  Names Step() {
    Batch batch = queue_.Take(kSliceTransfers);
    const Names names = NamesOf(batch);
    EXPECT_THAT(Finish(batch), IsEmpty());
    return names;
  }
  double Value(const std::string& name) { return Exposed(metric_set_, name + "{probe=\"P1\"}").value_or(-1); }

  static v1::ProbeDescription Description() {
    v1::ProbeDescription description;
    description.set_unique_id("P1");
    return description;
  }

  LaneQueue::TimePoint now_ = LaneQueue::TimePoint(1000h);
  MetricSet metric_set_;
  ServerMetrics server_metrics_{metric_set_};
  const std::shared_ptr<ProbeMetrics> metrics_ = server_metrics_.OnProbeHere(Description());
  LaneQueue queue_{kBounds, *metrics_};
  const MemberPtr a_ = Open("a");
  const MemberPtr b_ = Open("b");
  const MemberPtr c_ = Open("c");
};

// --- Turns

TEST_F(LaneQueueTest, TakeIsEmptyWithoutCommands) { EXPECT_THAT(Step(), IsEmpty()); }

TEST_F(LaneQueueTest, ReadyCommandsGoTogetherInOrderOfArrival) {
  EXPECT_TRUE(Submit(b_, ReadDp()).wake);
  Submit(a_, GetState());
  Submit(b_, GetState());
  EXPECT_THAT(Step(), ElementsAre("b read_dp", "b get_state", "a get_state"));
  EXPECT_THAT(Step(), IsEmpty());
}

TEST_F(LaneQueueTest, AFloodingSessionGetsNoMoreTurnsThanOthers) {
  for (int i = 0; i < 100; ++i) Submit(a_, ReadDp());
  Submit(b_, GetState());
  const Names first = Step();
  ASSERT_THAT(first, SizeIs(65));
  EXPECT_EQ(first.back(), "b get_state");
  EXPECT_THAT(Step(), SizeIs(36));
}

TEST_F(LaneQueueTest, CommandsThatArriveDuringABatchWaitForTheNext) {
  Submit(a_, ReadDp());
  Batch batch = queue_.Take(kSliceTransfers);
  Submit(a_, GetState());
  Submit(b_, ReadDp());
  queue_.Executed(batch, now_);
  Submit(c_, ReadDp());
  queue_.Answered(batch);
  EXPECT_THAT(Step(), ElementsAre("b read_dp", "a get_state", "c read_dp"));
}

TEST_F(LaneQueueTest, ACommandThatRunsAloneIsABatchOfItsOwn) {
  Submit(a_, ReadDp());
  Submit(b_, Connect());
  Submit(b_, ReadDp());
  EXPECT_THAT(Step(), ElementsAre("a read_dp"));
  EXPECT_THAT(Step(), ElementsAre("b connect"));
  EXPECT_THAT(Step(), ElementsAre("b read_dp"));
}

TEST_F(LaneQueueTest, ACommandThatRunsAloneKeepsItsPlaceInTheLine) {
  const auto flood = [&](const MemberPtr& member) {
    while (member->commands().size() < 100) Submit(member, ReadDp());
  };
  flood(b_);
  Submit(a_, Connect());
  flood(c_);
  EXPECT_THAT(Step(), Each(Eq("b read_dp")));
  flood(b_);
  EXPECT_THAT(Step(), ElementsAre("a connect"));
}

// --- Slices

TEST_F(LaneQueueTest, ABatchIsLimitedToOneSlice) {
  const MemberPtr second = Open("a2", "a");
  Submit(a_, ReadBlock(2048));
  Submit(a_, ReadBlock(2048));
  Submit(a_, ReadDp());
  Submit(second, ReadDp());
  EXPECT_THAT(Step(), ElementsAre("a read_block8", "a read_block8"));
  EXPECT_THAT(Step(), ElementsAre("a2 read_dp", "a read_dp"));
}

TEST_F(LaneQueueTest, AnUnfinishedCommandContinuesAfterOtherSessionsAndBeforeItsSuccessors) {
  Submit(a_, ReadBlock(64 * 1024));
  Submit(a_, GetState());
  Submit(b_, ReadDp());
  Batch batch = queue_.Take(kSliceTransfers);
  EXPECT_THAT(NamesOf(batch), ElementsAre("a read_block8"));
  batch[0].command.job->ContinueFrom(kSliceTransfers);
  batch[0].unfinished = true;
  Finish(batch);
  EXPECT_EQ(batch[0].fate, BatchItem::Fate::kGoesOn);
  EXPECT_EQ(a_->snapshot().command_count, 0u);
  EXPECT_THAT(Step(), ElementsAre("b read_dp", "a read_block8"));
  EXPECT_EQ(a_->snapshot().command_count, 1u);
  EXPECT_THAT(Step(), ElementsAre("a get_state"));
}

// --- The lock

TEST_F(LaneQueueTest, TheLockHolderHasTheWireToItself) {
  Submit(a_, Lock());
  Submit(b_, ReadDp());
  Submit(c_, GetState());
  Submit(a_, ReadDp());
  EXPECT_TRUE(queue_.Holds(*a_));
  EXPECT_TRUE(queue_.WaitsForLock(*b_));
  EXPECT_FALSE(queue_.WaitsForLock(*c_));
  EXPECT_THAT(Step(), ElementsAre("c get_state", "a read_dp"));
  Submit(a_, Unlock());
  EXPECT_THAT(Step(), ElementsAre("b read_dp"));
}

TEST_F(LaneQueueTest, LocksNest) {
  Submit(a_, Lock());
  Submit(a_, Lock());
  Submit(a_, Unlock());
  EXPECT_TRUE(queue_.Holds(*a_));
  Submit(a_, Unlock());
  EXPECT_FALSE(queue_.locked());
  EXPECT_EQ(Value("probegate_locks_taken_total"), 1);
}

TEST_F(LaneQueueTest, WaitersGetTheLockInOrder) {
  Submit(a_, Lock());
  for (const MemberPtr& waiter : {c_, b_}) {
    Submit(waiter, Lock());
    Submit(waiter, ReadDp());
    Submit(waiter, Unlock());
  }
  Submit(a_, Unlock());
  EXPECT_THAT(Step(), ElementsAre("c lock", "c read_dp", "c unlock", "b lock", "b read_dp", "b unlock"));
  EXPECT_FALSE(queue_.locked());
}

TEST_F(LaneQueueTest, AWaiterHasItsTurnBetweenAnUnlockAndTheNextLock) {
  Submit(a_, Lock());
  Submit(b_, Lock());
  Submit(b_, ReadDp());
  Request message = ReadDp();
  *message.add_posted() = Unlock();
  *message.add_posted() = Lock();
  Submit(a_, message);
  EXPECT_THAT(Step(), ElementsAre("a unlock", "b lock", "b read_dp"));
  EXPECT_TRUE(queue_.Holds(*b_));
  Submit(b_, Unlock());
  EXPECT_THAT(Step(), ElementsAre("a lock", "a read_dp"));
}

TEST_F(LaneQueueTest, WithoutAWaiterAnUnlockAndTheNextLockGoTogether) {
  Submit(a_, Lock());
  Request message = ReadDp();
  *message.add_posted() = Unlock();
  *message.add_posted() = Lock();
  Submit(a_, message);
  EXPECT_THAT(Step(), ElementsAre("a unlock", "a lock", "a read_dp"));
}

TEST_F(LaneQueueTest, UnlockWithoutALockFails) {
  Submit(a_, Unlock());
  EXPECT_THAT(Step(), ElementsAre("a unlock INVALID_ARGUMENT"));
  Submit(a_, Lock());
  Submit(b_, Unlock());
  EXPECT_THAT(Step(), ElementsAre("b unlock INVALID_ARGUMENT"));
  EXPECT_TRUE(queue_.Holds(*a_));
}

TEST_F(LaneQueueTest, TheTimeALockWasHeldIsCounted) {
  Submit(a_, Lock());
  now_ += 5s;
  Submit(a_, Lock());
  now_ += 2s;
  Submit(a_, Unlock());
  EXPECT_EQ(Value("probegate_lock_held_seconds_total"), 0);
  Submit(a_, Unlock());
  EXPECT_EQ(Value("probegate_lock_held_seconds_total"), 7);
}

// --- The lock, at once

TEST_F(LaneQueueTest, AnIdleQueueLocksAtOnceWithoutAWakeUp) {
  const LaneQueue::Submitted lock = Submit(a_, Lock());
  EXPECT_TRUE(lock.locked_now);
  EXPECT_FALSE(lock.wake);
  EXPECT_TRUE(queue_.Holds(*a_));
  const LaneQueue::Submitted unlock = Submit(a_, Unlock());
  EXPECT_TRUE(unlock.locked_now);
  EXPECT_FALSE(unlock.wake);
  EXPECT_EQ(a_->snapshot().command_count, 2u);
  EXPECT_THAT(Step(), IsEmpty());
}

TEST_F(LaneQueueTest, AnImmediateUnlockWakesTheWaiters) {
  Submit(a_, Lock());
  Submit(a_, Lock());
  Submit(b_, ReadDp());
  EXPECT_FALSE(Submit(a_, Unlock()).wake);
  EXPECT_TRUE(Submit(a_, Unlock()).wake);
}

TEST_F(LaneQueueTest, ALockIsQueuedWhileOthersAreReady) {
  Submit(b_, ReadDp());
  EXPECT_FALSE(Submit(a_, Lock()).locked_now);
  EXPECT_THAT(Step(), ElementsAre("b read_dp", "a lock"));
}

TEST_F(LaneQueueTest, ALockIsQueuedWhileABatchIsOut) {
  Submit(b_, ReadDp());
  Batch batch = queue_.Take(kSliceTransfers);
  EXPECT_FALSE(Submit(a_, Lock()).locked_now);
  queue_.Executed(batch, now_);
  EXPECT_FALSE(Submit(c_, Lock()).locked_now);
  queue_.Answered(batch);
  EXPECT_THAT(Step(), ElementsAre("a lock"));
}

TEST_F(LaneQueueTest, AnUnlockIsQueuedAfterTheSessionsOtherCommands) {
  Submit(a_, Lock());
  Submit(a_, ReadDp());
  EXPECT_FALSE(Submit(a_, Unlock()).locked_now);
  EXPECT_THAT(Step(), ElementsAre("a read_dp", "a unlock"));
}

TEST_F(LaneQueueTest, AnUnlockThatFailsIsAnsweredInItsTurn) { EXPECT_FALSE(Submit(a_, Unlock()).locked_now); }

// --- Bounds of the lock

TEST_F(LaneQueueTest, NoLockIsTakenAwayWithoutAWaiter) {
  Submit(a_, Lock());
  now_ += 1000s;
  EXPECT_EQ(queue_.LockDeadline(), std::nullopt);
  EXPECT_FALSE(queue_.BreakLock(now_).has_value());
  Submit(b_, GetState());
  EXPECT_EQ(queue_.LockDeadline(), std::nullopt);
}

TEST_F(LaneQueueTest, AnIdleHolderLosesTheLockToTheFirstWaiter) {
  Submit(a_, Lock());
  Submit(b_, Lock());
  Submit(c_, Lock());
  EXPECT_THAT(queue_.LockDeadline(), Optional(Eq(now_ + kBounds.idle)));
  EXPECT_FALSE(queue_.BreakLock(now_ + kBounds.idle - 1ns).has_value());
  const auto broken = queue_.BreakLock(now_ + kBounds.idle);
  ASSERT_TRUE(broken.has_value());
  EXPECT_EQ(broken->holder, a_.get());
  EXPECT_EQ(broken->waiter, b_.get());
  EXPECT_EQ(Value("probegate_locks_broken_total"), 1);
  EXPECT_EQ(Value("probegate_lock_held_seconds_total"), 10);
  EXPECT_THAT(Step(), ElementsAre("b lock"));
  EXPECT_TRUE(queue_.WaitsForLock(*c_));
}

TEST_F(LaneQueueTest, AHolderIsIdleSinceItsLastCommandEnded) {
  Submit(a_, Lock());
  Submit(b_, Lock());
  now_ += 9s;
  Submit(a_, ReadDp());
  EXPECT_THAT(queue_.LockDeadline(), Optional(Eq(now_ - 9s + kBounds.max)))
      << "a session with queued commands is not idle";
  Batch batch = queue_.Take(kSliceTransfers);
  EXPECT_THAT(queue_.LockDeadline(), Optional(Eq(now_ - 9s + kBounds.max)))
      << "a session with a running command is not idle";
  now_ += 9s;
  Finish(batch);
  EXPECT_THAT(queue_.LockDeadline(), Optional(Eq(now_ + kBounds.idle)));
}

TEST_F(LaneQueueTest, ABusyHolderLosesTheLockAfterTheMaximumTime) {
  const auto locked_at = now_;
  Submit(a_, Lock());
  Submit(b_, Lock());
  for (; now_ < locked_at + kBounds.max; now_ += 1s) {
    EXPECT_FALSE(queue_.BreakLock(now_).has_value());
    Submit(a_, ReadDp());
    EXPECT_THAT(Step(), ElementsAre("a read_dp"));
  }
  EXPECT_TRUE(queue_.BreakLock(now_).has_value());
}

TEST_F(LaneQueueTest, UnlocksOfALockThatWasTakenAwayAreForgiven) {
  Submit(a_, Lock());
  Submit(a_, Lock());
  Submit(b_, ReadDp());
  now_ += kBounds.idle;
  ASSERT_TRUE(queue_.BreakLock(now_).has_value());
  for (int i = 0; i < 3; ++i) Submit(a_, Unlock());
  EXPECT_THAT(Step(), ElementsAre("b read_dp", "a unlock", "a unlock", "a unlock INVALID_ARGUMENT"));
}

TEST_F(LaneQueueTest, ANewLockForgivesNoOldUnlocks) {
  Submit(a_, Lock());
  Submit(a_, Lock());
  Submit(b_, ReadDp());
  now_ += kBounds.idle;
  ASSERT_TRUE(queue_.BreakLock(now_).has_value());
  EXPECT_THAT(Step(), ElementsAre("b read_dp"));
  Submit(a_, Lock());
  Submit(a_, Unlock());
  Submit(a_, Unlock());
  EXPECT_THAT(Step(), ElementsAre("a unlock INVALID_ARGUMENT"));
}

// --- Abandoned commands

TEST_F(LaneQueueTest, AnAbandonedCommandNeitherWaitsForTheLockNorTakesIt) {
  bool abandoned = false;
  Submit(a_, Lock());
  Submit(b_, Lock(), [&] { return abandoned; });
  Submit(b_, ReadDp(), [&] { return abandoned; });
  EXPECT_TRUE(queue_.WaitsForLock(*b_));
  abandoned = true;
  EXPECT_FALSE(queue_.WaitsForLock(*b_));
  Batch batch = queue_.Take(kSliceTransfers);
  EXPECT_THAT(NamesOf(batch), ElementsAre("b lock CANCELLED", "b read_dp CANCELLED"));
  EXPECT_FALSE(batch[1].command.job.has_value());
  EXPECT_TRUE(queue_.Holds(*a_));
}

TEST_F(LaneQueueTest, AnAbandonedLockIsNotTakenAtOnceEither) {
  EXPECT_FALSE(Submit(a_, Lock(), [] { return true; }).locked_now);
  EXPECT_FALSE(queue_.locked());
  EXPECT_THAT(Step(), ElementsAre("a lock CANCELLED"));
}

// --- Ends

class LaneQueueEndTest : public LaneQueueTest {
 protected:
  const SessionEnd kick_{SessionEndCause::kKicked, absl::CancelledError("kicked")};
};

TEST_F(LaneQueueEndTest, AFarewellIsABatchOfItsOwnInItsTurn) {
  Submit(a_, ReadDp());
  queue_.Leave(b_, now_);
  Submit(c_, ReadDp());
  EXPECT_THAT(Step(), ElementsAre("a read_dp"));
  EXPECT_THAT(Step(), ElementsAre("b farewell"));
  EXPECT_THAT(Step(), ElementsAre("c read_dp"));
}

TEST_F(LaneQueueEndTest, AFarewellDoesNotKeepALockFromBeingTakenAtOnce) {
  queue_.Leave(b_, now_);
  Batch batch = queue_.Take(kSliceTransfers);
  EXPECT_TRUE(Submit(a_, Lock()).locked_now);
  Finish(batch);
}

TEST_F(LaneQueueEndTest, AFarewellWaitsForAnotherSessionsLock) {
  Submit(a_, Lock());
  queue_.Leave(b_, now_);
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(queue_.LockDeadline(), Optional(Eq(now_ + kBounds.idle)));
  Submit(a_, Unlock());
  EXPECT_THAT(Step(), ElementsAre("b farewell"));
}

TEST_F(LaneQueueEndTest, ASessionThatLeavesFreesItsLock) {
  Submit(a_, Lock());
  Submit(b_, Lock());
  queue_.Leave(a_, now_);
  EXPECT_THAT(Step(), ElementsAre("b lock"));
  ASSERT_TRUE(queue_.End(b_, kick_, now_).has_value());
  EXPECT_FALSE(queue_.locked());
}

TEST_F(LaneQueueEndTest, ASessionThatLeavesIsToldNothing) {
  Submit(a_, Lock());
  Submit(b_, ReadDp());
  const LaneMember::Leftovers dropped = queue_.Leave(b_, now_);
  EXPECT_THAT(dropped.commands, SizeIs(1));
  EXPECT_TRUE(b_->has_left());
  EXPECT_FALSE(b_->end().has_value());
  EXPECT_THAT(queue_.Leave(b_, now_).commands, IsEmpty());
}

TEST_F(LaneQueueEndTest, TheRunningCommandOfASessionThatLeavesIsDropped) {
  Submit(a_, ReadBlock(64 * 1024));
  Batch batch = queue_.Take(kSliceTransfers);
  batch[0].unfinished = true;
  queue_.Leave(a_, now_);
  EXPECT_THAT(Finish(batch), IsEmpty());
  EXPECT_EQ(batch[0].fate, BatchItem::Fate::kDropped);
  EXPECT_THAT(Step(), ElementsAre("a farewell"));
}

TEST_F(LaneQueueEndTest, AnEndedSessionIsToldAtOnceIfNothingIsOnTheWire) {
  Submit(a_, Lock());
  Submit(b_, Lock());
  const auto told = queue_.End(b_, kick_, now_);
  ASSERT_TRUE(told.has_value());
  EXPECT_THAT(told->commands, SizeIs(1));
  EXPECT_TRUE(told->on_end != nullptr);
  EXPECT_EQ(b_->end()->why, kick_.why);
}

TEST_F(LaneQueueEndTest, TheRunningCommandOfAnEndedSessionIsAnsweredFirst) {
  Submit(a_, ReadBlock(64 * 1024));
  Submit(a_, ReadDp());
  Batch batch = queue_.Take(kSliceTransfers);
  batch[0].unfinished = true;
  EXPECT_FALSE(queue_.End(a_, kick_, now_).has_value());
  queue_.Executed(batch, now_);
  EXPECT_EQ(batch[0].fate, BatchItem::Fate::kAnswered);
  EXPECT_EQ(batch[0].status, kick_.why) << "the rest of it is not carried out";
  const auto ended = queue_.Answered(batch);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].first, a_);
  EXPECT_THAT(ended[0].second.commands, SizeIs(1));
  EXPECT_TRUE(ended[0].second.on_end != nullptr);
  EXPECT_THAT(Step(), ElementsAre("a farewell"));
}

TEST_F(LaneQueueEndTest, AnEndedSessionThatLeavesBeforeItIsToldIsToldNothing) {
  Submit(a_, ReadDp());
  Submit(a_, ReadDp());
  Batch batch = queue_.Take(kSliceTransfers);
  EXPECT_FALSE(queue_.End(a_, kick_, now_).has_value());
  queue_.Executed(batch, now_);
  queue_.Leave(a_, now_);
  EXPECT_THAT(queue_.Answered(batch), IsEmpty());
  EXPECT_EQ(a_->end()->why, kick_.why) << "later commands of the session are answered with this";
  EXPECT_THAT(Step(), ElementsAre("a farewell"));
  EXPECT_THAT(Step(), IsEmpty());
}

}  // namespace
}  // namespace probegate
