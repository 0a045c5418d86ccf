// What a lane counts: each command once, however it ends; how long it waited and ran; the lock; the size of batches.
#include <map>

#include "gmock/gmock.h"
#include "server/commands/command_outcome.h"
#include "tests/server/lane/lane_fixture.h"
#include "tests/telemetry/exposed.h"
#include "tests/telemetry/log_capture.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class LaneMetricsTest : public LaneTest {
 protected:
  using LaneTest::LaneTest;

  // The command counters, e.g. "read_dp ok" → 1, without zeros.
  std::map<std::string, double> Counted() {
    std::map<std::string, double> counted;
    for (size_t command = 0; command <= CommandTable().size(); ++command) {
      for (size_t outcome = 0; outcome < OutcomeCount(); ++outcome) {
        const std::string name(CommandName(command));
        const std::string how(OutcomeName(outcome));
        const std::string labels = "{command=\"" + name + "\",outcome=\"" + how + "\"}";
        const auto value = Exposed(metric_set_, "probegate_commands_total" + labels);
        if (value.value_or(-1) != 0) counted[name + " " + how] = value.value_or(-1);
      }
    }
    return counted;
  }
  // The value of one of the probe's metrics.
  double Value(const std::string& name) { return Exposed(metric_set_, name + "{probe=\"FAKE0001\"}").value_or(-1); }
  // The number of all commands. The histograms must count the same number.
  double Total() {
    const double total = SumExposed(metric_set_, "probegate_commands_total");
    EXPECT_EQ(Value("probegate_command_wait_seconds_count"), total);
    EXPECT_EQ(Value("probegate_command_wire_seconds_count"), total);
    return total;
  }
};

using Counts = std::map<std::string, double>;

TEST_F(LaneMetricsTest, OutcomesAreOkOrTheNameOfTheError) {
  auto a = Open("a");
  Call(*a, ReadDp());  // not opened
  Attach(*a);
  Call(*a, ReadDp());
  Call(*a, ReadDp());
  wire_->FailTransfer(1, FakeFailure::kFault);
  Call(*a, ReadBlock(4));
  EXPECT_EQ(Counted(), (Counts{{"read_dp not_open", 1},
                               {"open ok", 1},
                               {"connect ok", 1},
                               {"get_memory_interface_for_ap ok", 1},
                               {"read_dp ok", 2},
                               {"read_block8 transfer_fault", 1}}));
  EXPECT_EQ(Total(), 7);
  EXPECT_EQ(Value("probegate_command_failures_total"), 2);
  EXPECT_GT(Value("probegate_command_wire_seconds_sum"), 0);
  EXPECT_GT(Value("probegate_command_wait_seconds_sum"), 0);
}

TEST_F(LaneMetricsTest, CommandsRefusedBeforeTheirTurnAreCounted) {
  auto a = Open("a");
  Call(*a, Request([](auto& r) { r.mutable_read_dp()->set_address(3); }));
  Call(*a, v1::StreamRequest());
  Call(*a, Unlock());
  EXPECT_EQ(Counted(),
            (Counts{{"read_dp invalid_argument", 1}, {"none invalid_argument", 1}, {"unlock invalid_argument", 1}}));
  EXPECT_EQ(Total(), 3);
}

TEST_F(LaneMetricsTest, ALongCommandIsCountedOnceAndWaitsBetweenItsSlices) {
  auto bulk = Open("bulk");
  auto quick = Open("quick");
  Attach(*bulk);
  Attach(*quick);
  wire_->HoldTransfers();
  Send(*bulk, ReadBlock(64 * 1024), "block");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  // After the first slice another session has the lock: the block has to wait, and that time is counted.
  Send(*quick, Lock(), "lock");
  wire_->ReleaseTransfers();
  diary_.WaitFor(1);
  EXPECT_EQ(Counted()["read_block8 ok"], 0);
  constexpr std::chrono::milliseconds kHeld{10};
  const auto locked_at = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < locked_at + kHeld) Call(*quick, GetState());
  Send(*quick, Unlock(), "unlock");
  diary_.WaitFor(3);
  EXPECT_EQ(Counted()["read_block8 ok"], 1);
  EXPECT_EQ(Counted()["lock ok"], 1);
  EXPECT_GE(Value("probegate_command_wait_seconds_sum"), std::chrono::duration<double>(kHeld).count());
}

TEST_F(LaneMetricsTest, ASessionThatLeavesCancelsItsCommands) {
  auto a = Open("a");
  auto b = Open("b");
  Attach(*a);
  wire_->HoldTransfers();
  Send(*a, ReadBlock(1 << 20), "never");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  Send(*a, ReadDp(), "never");
  Send(*a, Lock(), "never");
  a.reset();
  wire_->ReleaseTransfers();
  Call(*b, GetState());
  EXPECT_EQ(Counted(), (Counts{{"open ok", 1},
                               {"connect ok", 1},
                               {"get_memory_interface_for_ap ok", 1},
                               {"read_block8 cancelled", 1},
                               {"read_dp cancelled", 1},
                               {"lock cancelled", 1},
                               {"get_state ok", 1}}));
  EXPECT_EQ(Total(), 7);
}

TEST_F(LaneMetricsTest, AbandonedCommandsAreCancelled) {
  auto a = Open("a");
  a->Submit(Lock(), [this](const v1::StreamResponse&) { diary_.Add("given up"); }, [] { return true; });
  diary_.WaitFor(1);
  EXPECT_EQ(Counted(), (Counts{{"lock cancelled", 1}}));
  EXPECT_EQ(Total(), 1);
}

TEST_F(LaneMetricsTest, EndingASessionCancelsItsCommands) {
  auto a = Open("a");
  auto b = Open("b");
  Call(*b, Lock());
  Send(*a, Lock(), "waiting");
  a->End({SessionEndCause::kKicked, absl::CancelledError("kicked")});
  Call(*a, GetState());  // refused: the session is dead
  EXPECT_EQ(Counted(), (Counts{{"lock ok", 1}, {"lock cancelled", 1}, {"get_state cancelled", 1}}));
  EXPECT_EQ(Total(), 3);
}

TEST_F(LaneMetricsTest, ALostProbeFailsRunningAndQueuedCommands) {
  auto a = Open("a");
  Attach(*a);
  wire_->HoldTransfers();
  Send(*a, ReadDp(), "on the wire");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  Send(*a, ReadDp(), "queued");
  wire_->Unplug();
  diary_.WaitFor(3);
  events_.diary.WaitFor(1);
  EXPECT_EQ(Counted()["read_dp probe_disconnected"], 2);
  EXPECT_EQ(Total(), 5);
  EXPECT_EQ(Exposed(metric_set_, "probegate_probe_disconnects_total{cause=\"link_closed\",probe=\"FAKE0001\"}"), 1);
}

TEST_F(LaneMetricsTest, WaitingForALockCountsAsWait) {
  auto a = Open("a");
  auto b = Open("b");
  Call(*a, Lock());
  Send(*b, Lock(), "b");
  const auto before = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < before + 10ms) Call(*a, GetState());
  Call(*a, Unlock());
  diary_.WaitFor(1);
  EXPECT_GE(Value("probegate_command_wait_seconds_sum"), 0.010);
}

// --- The lock

TEST_F(LaneMetricsTest, NestedLocksAreNotCounted) {
  auto a = Open("a");
  Call(*a, Lock());
  Call(*a, Lock());
  Call(*a, Unlock());
  EXPECT_EQ(Value("probegate_locks_taken_total"), 1);
  EXPECT_EQ(Value("probegate_lock_held_seconds_total"), 0) << "it is still held";
  Call(*a, Unlock());
  const double held = Value("probegate_lock_held_seconds_total");
  EXPECT_GT(held, 0);
  Call(*a, Lock());
  a.reset();
  EXPECT_EQ(Value("probegate_locks_taken_total"), 2);
  EXPECT_GT(Value("probegate_lock_held_seconds_total"), held) << "a session that leaves gives it back";
  EXPECT_EQ(Value("probegate_locks_broken_total"), 0);
}

class ImpatientLaneMetricsTest : public LaneMetricsTest {
 protected:
  ImpatientLaneMetricsTest() : LaneMetricsTest({.lock_idle = 30ms, .lock_max = 1h, .presence_interval = 1ms}) {}
};

TEST_F(ImpatientLaneMetricsTest, ABrokenLockAndItsTimeAreCounted) {
  auto a = Open("a");
  auto b = Open("b");
  Call(*a, Lock());
  Send(*b, Lock(), "b");
  diary_.WaitFor(1);
  EXPECT_EQ(Value("probegate_locks_broken_total"), 1);
  EXPECT_EQ(Value("probegate_locks_taken_total"), 2);
  EXPECT_GE(Value("probegate_lock_held_seconds_total"), 0.030);
}

// --- The wire

TEST_F(LaneMetricsTest, CommandsSentTogetherAreCountedAsOneBatch) {
  std::vector<std::shared_ptr<Session>> sessions;
  for (int i = 0; i < 6; ++i) {
    sessions.push_back(Open("s" + std::to_string(i)));
    Attach(*sessions.back());
  }
  wire_->HoldTransfers();
  Send(*sessions[0], ReadDp(), "first");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  const auto before = metrics_->batch_commands().snapshot();
  for (auto& session : sessions) Send(*session, ReadDp(), "rest");
  wire_->ReleaseTransfers();
  diary_.WaitFor(7);
  const auto after = metrics_->batch_commands().snapshot();
  EXPECT_EQ(after.count - before.count, 1u);
  EXPECT_EQ(after.sum - before.sum, 6);
}

TEST_F(LaneMetricsTest, TheDriversEventsAreCounted) {
  auto a = Open("a");
  Attach(*a);
  const double packets = Value("probegate_packets_total");
  const double transfers = Value("probegate_transfers_total");
  Call(*a, ReadDp());
  EXPECT_EQ(Value("probegate_packets_total"), packets + 1);
  EXPECT_GT(Value("probegate_transfers_total"), transfers);
  EXPECT_GT(Exposed(metric_set_, "probegate_probe_bytes_total{direction=\"out\",probe=\"FAKE0001\"}"), 0);
  EXPECT_GT(Exposed(metric_set_, "probegate_probe_bytes_total{direction=\"in\",probe=\"FAKE0001\"}"), 0);
  const std::pair<FakeFailure, std::string> rows[] = {{FakeFailure::kWait, "waits"},
                                                      {FakeFailure::kFault, "faults"},
                                                      {FakeFailure::kReplyLost, "retries"},
                                                      {FakeFailure::kNoAck, "no_acks"}};
  for (const auto& [failure, name] : rows) {
    EXPECT_TRUE(Call(*a, ReadBlock(4)).has_read_block8());
    EXPECT_EQ(Value("probegate_" + name + "_total"), 0);
    wire_->FailTransfer(1, failure);  // after the write of TAR or SELECT
    Call(*a, ReadBlock(4));
    EXPECT_EQ(Value("probegate_" + name + "_total"), 1) << name;
  }
}

// --- Logs

class TalkativeLaneTest : public LaneMetricsTest {
 protected:
  TalkativeLaneTest() : LaneMetricsTest({.lock_idle = 1h, .lock_max = 1h}, LogLevel::kDebug) {}
};

TEST_F(TalkativeLaneTest, EachCommandIsLoggedAtDebugLevel) {
  LogCapture capture(log_);
  auto a = Open("a");
  v1::StreamRequest request = Unlock();
  request.set_request_id(77);
  request.set_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  Call(*a, request);
  const std::string log = capture.Text();
  EXPECT_THAT(log, HasSubstr("command.done probe=FAKE0001 session=" + a->id().name() +
                             " request=77 command=unlock outcome=invalid_argument wait_us="));
  EXPECT_THAT(log, HasSubstr("trace=0af7651916cd43dd8448eb211c80319c"));
  EXPECT_THAT(log, testing::Not(HasSubstr(a->id().secret())));
}

TEST_F(TalkativeLaneTest, UnansweredCommandsAreLoggedToo) {
  auto a = Open("a");
  auto b = Open("b");
  Attach(*a);
  wire_->HoldTransfers();
  Send(*a, ReadDp(), "never");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  Send(*a, Lock(), "never");
  LogCapture capture(log_);
  a.reset();
  wire_->ReleaseTransfers();
  Call(*b, GetState());
  const std::string log = capture.Text();
  EXPECT_THAT(log, HasSubstr("command=lock outcome=cancelled"));
  EXPECT_THAT(log, HasSubstr("command=read_dp outcome=cancelled"));
}

TEST_F(LaneMetricsTest, AssumptionsAboutTheProbeAreLoggedAsWarnings) {
  Log log(LogFormat::kText, LogLevel::kWarning);
  ProbeReports reports(*metrics_, log);
  LogCapture capture(log);
  reports.OnAssumption("no packet count; one packet at a time");
  EXPECT_THAT(capture.Text(),
              HasSubstr("warning probe.assumption probe=FAKE0001 what=\"no packet count; one packet at a time\""));
}

TEST_F(LaneMetricsTest, CommandsAreNotLoggedAtOtherLevels) {
  LogCapture capture(log_);
  auto a = Open("a");
  Call(*a, GetState());
  EXPECT_EQ(capture.Text(), "");
}

}  // namespace
}  // namespace probegate
