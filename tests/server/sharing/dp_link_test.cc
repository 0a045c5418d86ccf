// The link to the DP and its power, without the rest of sharing: which transfers each use by a session takes, and the
// state of the wire afterwards.
#include "server/sharing/dp_link.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/adi/registers.h"
#include "probe/error.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kDebugPower = adi::kDebugPowerRequest | adi::kDebugPowerAck;
constexpr uint32_t kAllPower = adi::kPowerBits;

// Time passes only while something sleeps.
class FakeLinkClock final : public LinkClock {
 public:
  TimePoint Now() override { return now_; }
  void Sleep(std::chrono::milliseconds time) override {
    now_ += time;
    if (on_time_) on_time_(std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()));
  }
  // Called with the time since the beginning, each time that some has passed.
  void OnTime(std::function<void(std::chrono::milliseconds)> callback) { on_time_ = std::move(callback); }
  std::chrono::milliseconds passed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch());
  }

 private:
  TimePoint now_;
  std::function<void(std::chrono::milliseconds)> on_time_;
};

class DpLinkTest : public testing::Test {
 protected:
  explicit DpLinkTest(const FakeBoardOptions& board = {})
      : fake_(std::make_shared<FakeWire>(board, FakeWire::DefaultInfo("FAKE0001"))),
        probe_(fake_),
        link_(probe_, wire_, clock_, [this](std::string_view what) { warnings_.emplace_back(what); }) {
    EXPECT_TRUE(probe_.Open().ok());
    EXPECT_TRUE(probe_.Connect(WireProtocol::kSwd).ok());
    a_.who = "session aaaa of alice";
    b_.who = "session bbbb of bob";
    link_.Add(a_);
    link_.Add(b_);
  }

  uint32_t WirePower() {
    uint32_t power = 0;
    fake_->WithBoard([&](const FakeBoard& board) { power = board.ctrl_stat() & kAllPower; });
    return power;
  }
  uint32_t WireCsw() {
    uint32_t csw = 0;
    fake_->WithBoard([&](const FakeBoard& board) { csw = board.csw(0); });
    return csw;
  }
  std::vector<std::string> WritesOfControlStatus() {
    std::vector<std::string> writes;
    for (const std::string& transfer : fake_->TransferLog()) {
      if (transfer.starts_with("wr dp 4")) writes.push_back(transfer);
    }
    return writes;
  }
  // As the plan does once it has identified a MEM-AP and a session has written its CSW.
  void UseAp(uint32_t csw) {
    wire_.dp().identities[0] = {.is_mem_ap = true, .original_csw = WireCsw()};
    const uint32_t select = 0;
    const std::vector<TransferOp> ops = {
        {.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
        {.port = Port::kAp, .address = adi::kApCsw, .write = {&csw, 1}, .read = {}}};
    ASSERT_TRUE(probe_.Transfer(ops).status.ok());
    wire_.select = select;
    wire_.dp().aps[0].csw = csw;
  }

  const std::shared_ptr<FakeWire> fake_;
  FakeProbe probe_;
  WireState wire_;
  FakeLinkClock clock_;
  std::vector<std::string> warnings_;
  DpLink link_;
  SessionState a_;
  SessionState b_;
};

// --- Waking the DP

TEST_F(DpLinkTest, TheDpIsWokenOnceByTheFirstSessionThatNeedsIt) {
  EXPECT_FALSE(link_.IsFit(a_, false)) << "nothing is known of the wire";
  EXPECT_FALSE(link_.IsFit(a_, true));
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  EXPECT_EQ(wire_.link, Link::kUp);
  EXPECT_EQ(wire_.dp().dpidr, 0x2BA01477u);
  fake_->ClearLog();
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.Prepare(b_, true).ok());
  EXPECT_THAT(fake_->CallLog(), IsEmpty());
}

TEST_F(DpLinkTest, TheSessionThatTouchedTheWireContinuesAndOthersGetANewLink) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  wire_.Touch(b_, "raw SWJ sequence");
  fake_->LoseLink();
  EXPECT_TRUE(link_.IsFit(b_, false));
  EXPECT_FALSE(link_.IsFit(a_, false));
  ASSERT_TRUE(link_.Prepare(a_, false).ok());
  EXPECT_EQ(wire_.link, Link::kUp);
  EXPECT_EQ(wire_.toucher, nullptr);
}

TEST_F(DpLinkTest, IfTheLinkCannotBeEstablishedTheSessionResponsibleIsNamed) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  wire_.Touch(b_, "raw SWJ sequence");
  fake_->FailTransfer(0, FakeFailure::kNoAck, 100);
  const absl::Status status = link_.Prepare(a_, false);
  EXPECT_TRUE(IsError(status, ErrorKind::kProbeError)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("the target has not answered since the raw SWJ sequence of session bbbb of bob: "));
  EXPECT_FALSE(link_.IsFit(b_, false)) << "the wire has seen line resets since";
}

TEST_F(DpLinkTest, ASessionThatCannotReachItsTargetIsTheFirstToBeNamed) {
  fake_->FailTransfer(0, FakeFailure::kNoAck, 100);
  EXPECT_TRUE(IsError(link_.Prepare(a_, true), ErrorKind::kTransferError)) << "it gets its own failure unchanged";
  const absl::Status status = link_.Prepare(b_, true);
  EXPECT_THAT(std::string(status.message()), HasSubstr("attempt to reach its target of session aaaa of alice"));
}

TEST_F(DpLinkTest, PowerIsRequestedAgainAfterTheTargetLostIt) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.RequestPower(a_).ok());
  fake_->PowerCycle();
  wire_.Touch(a_, "reset");
  ASSERT_TRUE(link_.Prepare(b_, true).ok());
  EXPECT_EQ(WirePower(), kAllPower);
}

TEST_F(DpLinkTest, AProbeThatIsGoneIsReportedAsGone) {
  fake_->Unplug();
  EXPECT_TRUE(IsError(link_.Prepare(a_, true), ErrorKind::kProbeDisconnected));
}

class MultiDropLinkTest : public DpLinkTest {
 protected:
  static constexpr uint32_t kTarget = 0x01002927;
  static constexpr uint32_t kOtherTarget = 0x11002927;
  MultiDropLinkTest() : DpLinkTest({.target_selects = {kTarget, kOtherTarget}}) {}

  std::optional<uint32_t> Selected() {
    std::optional<uint32_t> target;
    fake_->WithBoard([&](const FakeBoard& board) { target = board.selected_target(); });
    return target;
  }
};

TEST_F(MultiDropLinkTest, EachSessionIsServedOnTheTargetItSelected) {
  a_.target_select = kTarget;
  b_.target_select = kOtherTarget;
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  EXPECT_EQ(Selected(), kTarget);
  EXPECT_FALSE(link_.IsFit(b_, true));
  ASSERT_TRUE(link_.Prepare(b_, true).ok());
  EXPECT_EQ(Selected(), kOtherTarget);
  EXPECT_FALSE(link_.IsFit(a_, true));
}

TEST_F(MultiDropLinkTest, AWriteOfTargetselIsTheSessionsOwnSelection) {
  EXPECT_TRUE(link_.SelectTarget(a_, kTarget).ok());
  EXPECT_EQ(a_.target_select, kTarget);
  EXPECT_EQ(Selected(), kTarget);
  EXPECT_FALSE(link_.IsFit(b_, false));
  EXPECT_TRUE(IsError(link_.Prepare(b_, true), ErrorKind::kTransferError)) << "it has selected none";
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  EXPECT_EQ(Selected(), kTarget);
}

TEST_F(MultiDropLinkTest, ATargetThatDoesNotExistIsSaidNotToAnswer) {
  const absl::Status status = link_.SelectTarget(a_, 0x21002927);
  EXPECT_TRUE(IsError(status, ErrorKind::kTransferError)) << status;
  EXPECT_EQ(Selected(), std::nullopt);
}

TEST_F(MultiDropLinkTest, ASessionWithoutASelectionIsToldHowToSelect) {
  const absl::Status status = link_.Prepare(a_, true);
  EXPECT_THAT(std::string(status.message()), HasSubstr("TARGETSEL"));
}

// --- After a failure

TEST_F(DpLinkTest, AFaultIsClearedAndTheLinkStands) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  fake_->FailTransfer(0, FakeFailure::kFault);
  uint32_t value = 0;
  const TransferOp read{.port = Port::kDp, .address = adi::kDpRdbuff, .write = {}, .read = {&value, 1}};
  const absl::Status fault = probe_.Transfer({&read, 1}).status;
  ASSERT_TRUE(IsError(fault, ErrorKind::kTransferFault)) << fault;
  EXPECT_TRUE(link_.Recover(a_, fault).ok());
  fake_->WithBoard([](const FakeBoard& board) { EXPECT_FALSE(board.sticky_error()); });
  EXPECT_EQ(wire_.link, Link::kUp);
}

TEST_F(DpLinkTest, AfterALostAckTheNextTransferEstablishesTheLinkAgain) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  fake_->LoseLink();
  EXPECT_TRUE(link_.Recover(a_, MakeError(ErrorKind::kTransferError, "no ACK")).ok());
  EXPECT_EQ(wire_.link, Link::kLost);
  EXPECT_EQ(wire_.touched_by_what, "transfer that failed (no ACK)");
  EXPECT_FALSE(link_.IsFit(a_, false));
  ASSERT_TRUE(link_.Prepare(a_, false).ok());
  EXPECT_EQ(wire_.link, Link::kUp);
}

TEST_F(DpLinkTest, ASessionThatLeadsTheWireToTheDpItselfIsNotHelpedByTheWay) {
  ASSERT_TRUE(link_.PrepareRaw(a_).ok());
  wire_.Touch(a_, "raw SWJ sequence");
  EXPECT_TRUE(link_.Recover(a_, MakeError(ErrorKind::kTransferError, "no ACK")).ok());
  EXPECT_EQ(wire_.link, Link::kTouched);
  EXPECT_TRUE(link_.IsFit(a_, false));
}

TEST_F(DpLinkTest, FlagsThatCannotBeClearedLoseTheLink) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  fake_->FailTransfer(0, FakeFailure::kNoAck);
  EXPECT_TRUE(link_.Recover(a_, MakeError(ErrorKind::kTransferFault, "FAULT")).ok());
  EXPECT_EQ(wire_.link, Link::kTouched);
}

TEST_F(DpLinkTest, RecoveryFailsOnlyIfTheProbeIsGone) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  const absl::Status gone = MakeError(ErrorKind::kProbeDisconnected, "unplugged");
  EXPECT_EQ(link_.Recover(a_, gone), gone);
  fake_->Unplug();
  const absl::Status fault = MakeError(ErrorKind::kTransferFault, "FAULT");
  EXPECT_TRUE(IsError(link_.Recover(a_, fault), ErrorKind::kProbeDisconnected));
}

// --- CTRL/STAT and power

TEST_F(DpLinkTest, PowerRequestsAreTheOrOfAllSessions) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.WriteControlStatus(a_, adi::kPowerRequests).ok());
  ASSERT_TRUE(link_.WriteControlStatus(b_, adi::kDebugPowerRequest).ok());
  EXPECT_EQ(WirePower(), kAllPower);
  ASSERT_TRUE(link_.WriteControlStatus(a_, 0).ok());
  EXPECT_EQ(WirePower(), kDebugPower);
  ASSERT_TRUE(link_.WriteControlStatus(b_, 0).ok());
  EXPECT_EQ(WirePower(), 0u);
}

TEST_F(DpLinkTest, SystemPowerIsNotRequestedWithoutDebugPower) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.WriteControlStatus(a_, adi::kSystemPowerRequest).ok());
  EXPECT_EQ(WirePower(), kAllPower);
  EXPECT_EQ(a_.dp().power, adi::kSystemPowerRequest) << "what it sees is what it asked for";
}

TEST_F(DpLinkTest, BothRequestsDoNotFallAtOnce) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.WriteControlStatus(a_, adi::kPowerRequests).ok());
  fake_->ClearLog();
  ASSERT_TRUE(link_.WriteControlStatus(a_, 0).ok());
  EXPECT_THAT(WritesOfControlStatus(), ElementsAre("wr dp 4 10000000", "wr dp 4 00000000"));
}

TEST_F(DpLinkTest, AFailedWriteLeavesTheSessionsRequestUnchanged) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.WriteControlStatus(a_, adi::kDebugPowerRequest).ok());
  fake_->FailTransfer(0, FakeFailure::kWait);
  EXPECT_TRUE(IsError(link_.WriteControlStatus(a_, adi::kPowerRequests), ErrorKind::kTransferTimeout));
  EXPECT_EQ(a_.dp().power, adi::kDebugPowerRequest);
}

TEST_F(DpLinkTest, UnsharableBitsAreRefusedWithoutATransfer) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  fake_->ClearLog();
  const absl::Status status = link_.WriteControlStatus(a_, adi::kPowerRequests | adi::kOrunDetect);
  EXPECT_TRUE(IsError(status, ErrorKind::kUnsupported));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("0x50000001"), HasSubstr("overrun detection")));
  EXPECT_THAT(fake_->CallLog(), IsEmpty());
}

TEST_F(DpLinkTest, ATargetMayTakeItsTimeToAcknowledgePower) {
  for (const int delay : {1, 20, 100, 500}) {
    fake_->WithBoard([](FakeBoard& board) { board.SetPowerAcks(0); });
    const auto begin = clock_.passed();
    clock_.OnTime([&](std::chrono::milliseconds now) {
      if ((now - begin).count() >= delay) fake_->WithBoard([](FakeBoard& board) { board.SetPowerAcks(kAllPower); });
    });
    ASSERT_TRUE(link_.Prepare(a_, true).ok());
    EXPECT_TRUE(link_.RequestPower(a_).ok()) << delay;
    EXPECT_GE((clock_.passed() - begin).count(), delay);
    ASSERT_TRUE(link_.WriteControlStatus(a_, 0).ok());
  }
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(DpLinkTest, DebugPowerThatIsNeverAcknowledgedIsAnError) {
  fake_->WithBoard([](FakeBoard& board) { board.SetPowerAcks(0); });
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  const absl::Status status = link_.RequestPower(a_);
  EXPECT_TRUE(IsError(status, ErrorKind::kProbeError));
  EXPECT_THAT(std::string(status.message()), HasSubstr("debug power within 1000 ms"));
  EXPECT_EQ(a_.dp().power, 0u);
}

TEST_F(DpLinkTest, SystemPowerThatIsNeverAcknowledgedIsWaitedForOnce) {
  fake_->WithBoard([](FakeBoard& board) { board.SetPowerAcks(adi::kDebugPowerAck); });
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  EXPECT_TRUE(link_.RequestPower(a_).ok());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("system power")));
  const auto passed = clock_.passed();
  EXPECT_TRUE(link_.RequestPower(b_).ok());
  EXPECT_EQ(clock_.passed(), passed);
  EXPECT_EQ(warnings_.size(), 1u);
}

TEST_F(DpLinkTest, PowerIsWaitedForAfterTheLinkWasLost) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.RequestPower(a_).ok());
  fake_->PowerCycle();
  fake_->WithBoard([](FakeBoard& board) { board.SetPowerAcks(0); });
  const auto begin = clock_.passed();
  clock_.OnTime([&](std::chrono::milliseconds now) {
    if (now - begin >= std::chrono::milliseconds(100)) {
      fake_->WithBoard([](FakeBoard& board) { board.SetPowerAcks(kAllPower); });
    }
  });
  EXPECT_TRUE(link_.Recover(a_, MakeError(ErrorKind::kTransferError, "no ACK")).ok());
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  EXPECT_EQ(WirePower(), kAllPower);
}

TEST_F(DpLinkTest, PowerThatIsLostUnderASessionIsRequestedAgain) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.RequestPower(a_).ok());
  fake_->WithBoard([](FakeBoard& board) { board.DropPower(); });
  EXPECT_EQ(WirePower() & adi::kDebugPowerAck, 0u);
  EXPECT_TRUE(link_.Recover(a_, MakeError(ErrorKind::kTransferFault, "FAULT")).ok());
  EXPECT_EQ(WirePower(), kAllPower);
  EXPECT_THAT(warnings_, ElementsAre("the target has lost debug power; requesting it again"));
}

TEST_F(DpLinkTest, PowerThatCameBackTooLateOnceIsStillNoticedWhenItIsLostAgain) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.RequestPower(a_).ok());
  const absl::Status fault = MakeError(ErrorKind::kTransferFault, "FAULT");
  fake_->WithBoard([](FakeBoard& board) {
    board.DropPower();
    board.SetPowerAcks(0);
  });
  EXPECT_TRUE(link_.Recover(a_, fault).ok());
  fake_->WithBoard([](FakeBoard& board) { board.SetPowerAcks(kAllPower); });  // after the wait has passed
  fake_->WithBoard([](FakeBoard& board) { board.DropPower(); });
  EXPECT_TRUE(link_.Recover(a_, fault).ok());
  EXPECT_EQ(WirePower(), kAllPower);
}

TEST_F(DpLinkTest, ATargetThatKeepsItsSystemPoweredIsNotWaitedForAtTheEnd) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.RequestPower(a_).ok());
  fake_->WithBoard([](FakeBoard& board) { board.KeepSystemPowered(); });
  link_.Remove(a_);
  EXPECT_LT(clock_.passed(), kPowerPatience / 10);
  EXPECT_EQ(WirePower() & adi::kPowerRequests, 0u);
}

TEST_F(DpLinkTest, EachApGetsItsCswBackBeforeDebugPowerGoes) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.RequestPower(a_).ok());
  const uint32_t original = WireCsw();
  UseAp(0x23000052);
  fake_->ClearLog();
  ASSERT_TRUE(link_.WriteControlStatus(a_, 0).ok());
  EXPECT_EQ(WireCsw(), original);
  EXPECT_THAT(fake_->TransferLog(), ElementsAre("wr dp 8 00000000", "wr ap 0 23000042", "wr dp 8 00000000",
                                                "wr dp 4 10000000", "wr dp 8 00000000", "wr dp 4 00000000"));
}

TEST_F(DpLinkTest, TheLastSessionReleasesPowerInTwoSteps) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  ASSERT_TRUE(link_.RequestPower(a_).ok());
  ASSERT_TRUE(link_.RequestPower(b_).ok());
  fake_->ClearLog();
  link_.Remove(b_);
  EXPECT_THAT(fake_->CallLog(), IsEmpty()) << "the other session still needs it";
  EXPECT_EQ(b_.dp().power, 0u);
  link_.Remove(a_);
  EXPECT_THAT(WritesOfControlStatus(), ElementsAre("wr dp 4 10000000", "wr dp 4 00000000"));
  EXPECT_EQ(WirePower(), 0u);
}

TEST_F(DpLinkTest, NothingRefersToARemovedSession) {
  ASSERT_TRUE(link_.Prepare(a_, true).ok());
  wire_.dp().aps[0].tar_owner = &a_.dp().views[0];
  wire_.Touch(a_, "reset");
  link_.Remove(a_);
  EXPECT_EQ(wire_.toucher, nullptr);
  EXPECT_EQ(wire_.dp().aps[0].tar_owner, nullptr);
  EXPECT_EQ(wire_.toucher_who, "session aaaa of alice") << "errors must still name it";
}

}  // namespace
}  // namespace probegate
