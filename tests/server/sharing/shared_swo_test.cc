// The rules of sharing SWO (docs/sharing.md), with a test for each.
#include "server/sharing/shared_swo.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/error.h"
#include "server/sharing/shared_probe.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using Kind = WireCall::Kind;

constexpr uint32_t kBaud = 1'000'000;

ProbeInfo WithSwo() {
  ProbeInfo info = FakeWire::DefaultInfo("FAKE0001");
  info.features.swo = true;
  return info;
}

class SharedSwoTest : public testing::Test {
 protected:
  SharedSwoTest() {
    a_.who = "session aaaa of alice";
    b_.who = "session bbbb of bob";
    for (SessionState* session : {&a_, &b_}) {
      shared_->Join(*session);
      EXPECT_TRUE(shared_->Open(*session).ok());
    }
  }

  void Start(SessionState& session, uint32_t baud = kBaud) {
    const absl::Status status = shared_->SwoStart(session, baud);
    ASSERT_TRUE(status.ok()) << status;
  }
  // The target sends `bytes`, then the lane polls.
  void Send(const std::string& bytes, bool overrun = false, bool garbled = false) {
    wire_->SendSwo({.bytes = {bytes.begin(), bytes.end()}, .overrun = overrun, .garbled = garbled});
    ASSERT_TRUE(shared_->PollSwo().ok());
  }
  std::string Read(SessionState& session) {
    const auto taken = shared_->SwoRead(session);
    EXPECT_TRUE(taken.ok()) << taken.status();
    return taken.ok() ? taken->bytes : "";
  }

  const std::shared_ptr<FakeWire> wire_ = std::make_shared<FakeWire>(FakeBoardOptions{}, WithSwo());
  SessionState a_;
  SessionState b_;
  std::unique_ptr<SharedProbe> shared_ = std::make_unique<SharedProbe>(std::make_unique<FakeProbe>(wire_));
};

TEST_F(SharedSwoTest, EachSubscriberGetsEveryByteFromItsStartOn) {
  Start(a_);
  Send("one ");
  Start(b_);
  Send("two ");
  Send("three");
  EXPECT_EQ(Read(a_), "one two three");
  EXPECT_EQ(Read(a_), "");
  EXPECT_EQ(Read(b_), "two three");
  Send("!");
  EXPECT_EQ(Read(b_), "!");
  EXPECT_EQ(Read(a_), "!");
  EXPECT_EQ(wire_->CountCalls(Kind::kSwoStart), 1u);
}

TEST_F(SharedSwoTest, ADifferentRateIsRefusedWhileAnotherSessionSubscribes) {
  Start(a_);
  const absl::Status status = shared_->SwoStart(b_, 2'000'000);
  EXPECT_TRUE(IsError(status, ErrorKind::kBusy)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("captures it at 1000000 for session aaaa of alice"));
  EXPECT_EQ(Read(b_), "");
  Start(a_, 2'000'000);  // a single subscriber may choose any rate
  EXPECT_EQ(wire_->swo_baud(), 2'000'000u);
  Start(b_, 2'000'000);
  const absl::Status refused = shared_->SwoStart(a_, kBaud);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("bob"));
  Send("x");
  EXPECT_EQ(Read(a_), "x") << "a refused call must change nothing";
  EXPECT_TRUE(shared_->SwoStop(a_).ok());
  Start(b_, kBaud);
  EXPECT_EQ(wire_->swo_baud(), kBaud);
}

TEST_F(SharedSwoTest, StartingAgainDropsUnreadBytes) {
  Start(a_);
  Start(b_);
  Send("old");
  Start(a_);
  Send("new");
  EXPECT_EQ(Read(a_), "new");
  EXPECT_EQ(Read(b_), "oldnew");
}

TEST_F(SharedSwoTest, TheCaptureEndsWithTheLastSubscription) {
  EXPECT_TRUE(shared_->SwoStop(a_).ok());
  EXPECT_EQ(wire_->CountCalls(Kind::kSwoStop), 0u) << "nothing to stop";
  Start(a_);
  Start(b_);
  EXPECT_TRUE(shared_->SwoStop(a_).ok());
  EXPECT_TRUE(shared_->SwoStop(a_).ok());
  EXPECT_EQ(wire_->swo_baud(), kBaud);
  EXPECT_TRUE(shared_->swo_active());
  shared_->Leave(b_);
  EXPECT_EQ(wire_->swo_baud(), std::nullopt);
  EXPECT_FALSE(shared_->swo_active());
  Start(a_);
  EXPECT_TRUE(shared_->Close(a_).ok());
  EXPECT_EQ(wire_->swo_baud(), std::nullopt) << "the session's last close";
  EXPECT_FALSE(shared_->swo_active());
}

TEST_F(SharedSwoTest, TheProbeIsNotPolledWithoutSubscribers) {
  EXPECT_EQ(shared_->PollSwo().value(), false);
  Start(a_);
  EXPECT_EQ(shared_->PollSwo().value(), false);
  EXPECT_EQ(wire_->CountCalls(Kind::kSwoRead), 1u);
  EXPECT_TRUE(shared_->SwoStop(a_).ok());
  EXPECT_EQ(shared_->PollSwo().value(), false);
  EXPECT_EQ(wire_->CountCalls(Kind::kSwoRead), 1u);
}

TEST_F(SharedSwoTest, ASlowSubscriberLosesTheOldestBytesAndIsTold) {
  Start(a_);
  Start(b_);
  const std::string piece(1000, 'p');
  size_t read = 0;
  for (size_t sent = 0; sent <= kSwoBufferBytes; sent += piece.size()) {
    Send(piece);
    const auto taken = shared_->SwoRead(b_);
    ASSERT_TRUE(taken.ok() && !taken->lost);
    read += taken->bytes.size();
  }
  EXPECT_GT(read, kSwoBufferBytes);
  Send("end");
  const auto taken = shared_->SwoRead(a_);
  ASSERT_TRUE(taken.ok());
  EXPECT_TRUE(taken->lost);
  EXPECT_EQ(taken->bytes.size(), kSwoBufferBytes);
  EXPECT_TRUE(taken->bytes.ends_with("pend"));
  Send("more");
  const auto next = shared_->SwoRead(a_);
  EXPECT_TRUE(next.ok() && !next->lost && next->bytes == "more") << "the loss is reported once";
}

TEST_F(SharedSwoTest, TheProbesFlagsReachAllSubscribers) {
  Start(a_);
  Start(b_);
  Send("", true, false);
  Send("x", false, true);
  for (SessionState* session : {&a_, &b_}) {
    const auto taken = shared_->SwoRead(*session);
    ASSERT_TRUE(taken.ok());
    EXPECT_TRUE(taken->lost && taken->garbled && taken->bytes == "x");
    const auto next = shared_->SwoRead(*session);
    EXPECT_TRUE(next.ok() && !next->lost && !next->garbled);
  }
}

TEST_F(SharedSwoTest, APollTakesAFewPacketsAndReportsThatThereAreMore) {
  Start(a_);
  for (int i = 0; i < 6; ++i) wire_->SendSwo({.bytes = {'x'}});
  EXPECT_EQ(shared_->PollSwo().value(), true);
  EXPECT_EQ(Read(a_), "xxxx");
  EXPECT_EQ(shared_->PollSwo().value(), false);
  EXPECT_EQ(Read(a_), "xx");
}

TEST_F(SharedSwoTest, ALostAnswerLosesBytesAndThreeEndTheCapture) {
  Start(a_);
  Send("before ");
  for (int i = 0; i < 2; ++i) {
    wire_->FailNextCall(ErrorKind::kProbeError);
    EXPECT_EQ(shared_->PollSwo().value(), false);
  }
  Send("behind");
  auto taken = shared_->SwoRead(a_);
  ASSERT_TRUE(taken.ok());
  EXPECT_TRUE(taken->lost);
  EXPECT_EQ(taken->bytes, "before behind");
  Send("last");
  for (int i = 0; i < 3; ++i) {
    wire_->FailNextCall(ErrorKind::kProbeError);
    EXPECT_TRUE(shared_->PollSwo().ok()) << "the error is for the subscribers only";
  }
  EXPECT_FALSE(shared_->swo_active());
  EXPECT_EQ(wire_->swo_baud(), std::nullopt);
  EXPECT_EQ(Read(a_), "last");
  EXPECT_TRUE(IsError(shared_->SwoRead(a_).status(), ErrorKind::kProbeError));
  Start(a_);
  Send("again");
  EXPECT_EQ(Read(a_), "again");
}

TEST_F(SharedSwoTest, ALostProbeIsReportedToTheLane) {
  Start(a_);
  wire_->Unplug();
  EXPECT_TRUE(IsError(shared_->PollSwo().status(), ErrorKind::kProbeDisconnected));
}

TEST_F(SharedSwoTest, AFailedStartLeavesNoSubscription) {
  wire_->FailNextCall(ErrorKind::kProbeError);
  EXPECT_TRUE(IsError(shared_->SwoStart(a_, kBaud), ErrorKind::kProbeError));
  EXPECT_FALSE(shared_->swo_active());
  EXPECT_EQ(Read(a_), "");
  Start(b_, 2'000'000);
}

TEST_F(SharedSwoTest, SubscribingNeedsAnOpenProbe) {
  SessionState stranger;
  shared_->Join(stranger);
  EXPECT_TRUE(IsError(shared_->SwoStart(stranger, kBaud), ErrorKind::kNotOpen));
  shared_->Leave(stranger);
}

TEST(SharedSwo, AProbeWithoutSwoIsUnsupported) {
  const auto wire = std::make_shared<FakeWire>();
  SharedProbe shared(std::make_unique<FakeProbe>(wire));
  SessionState a;
  shared.Join(a);
  ASSERT_TRUE(shared.Open(a).ok());
  EXPECT_TRUE(IsError(shared.SwoStart(a, kBaud), ErrorKind::kUnsupported));
  EXPECT_TRUE(IsError(shared.SwoRead(a).status(), ErrorKind::kUnsupported));
  EXPECT_TRUE(IsError(shared.SwoStop(a), ErrorKind::kUnsupported));
  EXPECT_EQ(wire->CountCalls(Kind::kSwoStart), 0u);
}

}  // namespace
}  // namespace probegate
