// The rules of sharing (docs/sharing.md), with a test for each. The probe is a FakeProbe, which behaves like a real
// target: it does not answer before a line reset, writes are posted, sticky errors persist.
#include "server/sharing/shared_probe.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/error.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Target = TransferStep::Target;

constexpr uint32_t kRam = 0x20000000;
constexpr uint64_t kCsw = 0x00;
constexpr uint64_t kTar = 0x04;
constexpr uint64_t kDrw = 0x0C;
constexpr uint32_t kPowered = 0xF0000000;
constexpr uint32_t kPowerUp = 0x50000F00;
constexpr uint32_t kCswWords = 0x23000052;  // 32 bits, single auto-increment
constexpr uint32_t kCswBytes = 0x23000050;
constexpr std::array<uint8_t, 8> kLineReset = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00};

class SharedProbeTest : public testing::Test {
 protected:
  SharedProbeTest() : SharedProbeTest(FakeBoardOptions{}) {}
  explicit SharedProbeTest(const FakeBoardOptions& board)
      : wire_(std::make_shared<FakeWire>(board, FakeWire::DefaultInfo("FAKE0001"))),
        shared_(std::make_unique<SharedProbe>(std::make_unique<FakeProbe>(wire_))) {
    a_.who = "session aaaa of alice";
    b_.who = "session bbbb of bob";
    shared_->Join(a_);
    shared_->Join(b_);
  }

  void Connect(SessionState& session) {
    ASSERT_TRUE(shared_->Open(session).ok());
    ASSERT_TRUE(shared_->Connect(session, WireProtocol::kSwd).ok());
  }

  // What pyOCD does to attach.
  void Attach(SessionState& session) {
    Connect(session);
    ASSERT_TRUE(shared_->SwjSequence(session, 64, kLineReset).ok());
    ASSERT_TRUE(ReadDp(session, 0x0).ok());
    ASSERT_TRUE(shared_->WriteDp(session, 0x4, kPowerUp).ok());
    EXPECT_EQ(ReadDp(session, 0x4).value() & kPowered, kPowered);
  }

  absl::StatusOr<uint32_t> RunRead(SessionState& session, Target target, uint64_t address) {
    TransferJob job = TransferJob::ReadRegister(target, address, 1);
    if (absl::Status status = Run(session, job); !status.ok()) return status;
    return job.words[0];
  }
  absl::Status Run(SessionState& session, TransferJob& job) {
    const SharedProbe::Work work{&job, &session};
    while (!job.finished()) {
      if (absl::Status status = shared_->RunTransfers({&work, 1}, 1024); !status.ok()) return status;
    }
    return job.status;
  }
  absl::StatusOr<uint32_t> ReadDp(SessionState& s, uint64_t address) { return RunRead(s, Target::kDp, address); }
  absl::StatusOr<uint32_t> ReadAp(SessionState& s, uint64_t address) { return RunRead(s, Target::kAp, address); }
  absl::Status Write(SessionState& session, Target target, uint64_t address, uint32_t value) {
    TransferJob job = TransferJob::WriteRegister(target, address, {value});
    return Run(session, job);
  }
  absl::Status WriteDp(SessionState& s, uint64_t address, uint32_t v) { return Write(s, Target::kDp, address, v); }
  absl::Status WriteAp(SessionState& s, uint64_t address, uint32_t v) { return Write(s, Target::kAp, address, v); }

  uint32_t WireCsw() {
    uint32_t csw = 0;
    wire_->WithBoard([&](FakeBoard& board) { csw = board.csw(0); });
    return csw;
  }
  uint32_t WirePower() {
    uint32_t value = 0;
    wire_->WithBoard([&](FakeBoard& board) { value = board.ctrl_stat() & kPowered; });
    return value;
  }

  const std::shared_ptr<FakeWire> wire_;
  std::unique_ptr<SharedProbe> shared_;
  SessionState a_;
  SessionState b_;

 public:
  ~SharedProbeTest() override { shared_->Shutdown(); }
};

// --- Ownership

TEST_F(SharedProbeTest, TheProbeOpensWithTheFirstSessionAndClosesWithTheLast) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  EXPECT_TRUE(wire_->is_open());
  ASSERT_TRUE(shared_->Open(b_).ok());
  ASSERT_TRUE(shared_->Close(a_).ok());
  EXPECT_TRUE(wire_->is_open());
  ASSERT_TRUE(shared_->Close(b_).ok());
  EXPECT_FALSE(wire_->is_open());
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kOpen), 1u);
}

TEST_F(SharedProbeTest, AnExtraCloseDoesNothing) {
  ASSERT_TRUE(shared_->Close(a_).ok());
  ASSERT_TRUE(shared_->Disconnect(a_).ok());
  ASSERT_TRUE(shared_->Open(a_).ok());
  EXPECT_TRUE(wire_->is_open());
  ASSERT_TRUE(shared_->Open(b_).ok());
  ASSERT_TRUE(shared_->Close(b_).ok());
  ASSERT_TRUE(shared_->Close(b_).ok());
  EXPECT_TRUE(wire_->is_open());
}

TEST_F(SharedProbeTest, ASessionThatLeavesGivesBackEverything) {
  Attach(a_);
  ASSERT_TRUE(shared_->AssertReset(a_, true).ok());
  EXPECT_TRUE(wire_->reset_asserted());
  shared_->Leave(a_);
  EXPECT_FALSE(wire_->reset_asserted());
  EXPECT_EQ(WirePower(), 0u);
  EXPECT_FALSE(wire_->is_connected());
  EXPECT_FALSE(wire_->is_open());
}

TEST_F(SharedProbeTest, WireProtocolIsReportedPerSession) {
  Connect(a_);
  EXPECT_EQ(shared_->ProtocolFor(a_), WireProtocol::kSwd);
  EXPECT_EQ(shared_->ProtocolFor(b_), std::nullopt);
}

TEST_F(SharedProbeTest, ADifferentProtocolIsRefusedAndTheErrorNamesTheOtherSession) {
  Connect(a_);
  ASSERT_TRUE(shared_->Open(b_).ok());
  const auto jtag = shared_->Connect(b_, WireProtocol::kJtag);
  EXPECT_TRUE(IsError(jtag.status(), ErrorKind::kProbeError));
  EXPECT_THAT(std::string(jtag.status().message()), AllOf(HasSubstr("alice"), HasSubstr("SWD")));
  EXPECT_TRUE(shared_->Connect(b_, WireProtocol::kDefault).ok());
}

TEST_F(SharedProbeTest, CommandsNeedOpenAndConnect) {
  EXPECT_TRUE(IsError(shared_->Connect(a_, WireProtocol::kSwd).status(), ErrorKind::kNotOpen));
  EXPECT_TRUE(IsError(shared_->Reset(a_), ErrorKind::kNotOpen));
  ASSERT_TRUE(shared_->Open(a_).ok());
  EXPECT_TRUE(shared_->Reset(a_).ok());  // needs no protocol
  EXPECT_TRUE(IsError(ReadDp(a_, 0).status(), ErrorKind::kNotOpen));
  EXPECT_TRUE(IsError(shared_->SwjSequence(a_, 64, kLineReset), ErrorKind::kNotOpen));
}

// --- SELECT

TEST_F(SharedProbeTest, SelectIsVirtual) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(ReadDp(a_, 0x4).ok());
  wire_->ClearLog();
  ASSERT_TRUE(WriteDp(a_, 0x8, 0x00000001).ok());  // DPBANKSEL 1, for A only
  EXPECT_THAT(wire_->TransferLog(), ElementsAre());
  EXPECT_EQ(ReadDp(b_, 0x4).value() & kPowered, kPowered);  // CTRL/STAT, not bank 1
}

TEST_F(SharedProbeTest, BankedDpRegistersAreReadInTheSessionsBank) {
  wire_->WithBoard([](FakeBoard& board) { board.SetDpRegister(2, 0x4, 0x01002927); });
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(WriteDp(a_, 0x8, 0x2).ok());
  EXPECT_EQ(ReadDp(a_, 0x4).value(), 0x01002927u);
  EXPECT_EQ(ReadDp(b_, 0x4).value() & kPowered, kPowered);
  EXPECT_EQ(ReadDp(a_, 0x4).value(), 0x01002927u);
}

TEST_F(SharedProbeTest, ASessionDoesNotSeeAnotherSessionsLastRead) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(ReadAp(a_, 0xFC).ok());
  for (const uint64_t address : {0x8, 0xC}) {  // RESEND, RDBUFF
    EXPECT_EQ(ReadDp(a_, address).value(), 0x24770011u);
    EXPECT_EQ(ReadDp(b_, address).value(), 0u);
  }
}

TEST_F(SharedProbeTest, TheTurnaroundCannotBeChanged) {
  Attach(a_);
  ASSERT_TRUE(WriteDp(a_, 0x8, 0x1).ok());
  EXPECT_TRUE(IsError(shared_->WriteDp(a_, 0x4, 0x100), ErrorKind::kUnsupported));
}

TEST_F(SharedProbeTest, SelectIsWrittenOnlyIfItDiffers) {
  Attach(a_);
  ASSERT_TRUE(ReadAp(a_, 0xFC).ok());
  wire_->ClearLog();
  ASSERT_TRUE(ReadAp(a_, 0xFC).ok());
  EXPECT_THAT(wire_->TransferLog(), ElementsAre("rd ap c 24770011"));
}

// --- CSW and TAR

TEST_F(SharedProbeTest, OneSessionReadsWordsWhileAnotherReadsBytes) {
  Attach(a_);
  Attach(b_);
  wire_->SetRam(kRam, 0x44332211);
  wire_->SetRam(kRam + 4, 0x88776655);
  wire_->SetRam(kRam + 0x100, 0xDDCCBBAA);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  ASSERT_TRUE(WriteAp(b_, kCsw, kCswBytes).ok());
  ASSERT_TRUE(WriteAp(b_, kTar, kRam + 0x101).ok());
  wire_->ClearLog();
  EXPECT_EQ(ReadAp(a_, kDrw).value(), 0x44332211u);
  EXPECT_EQ(ReadAp(b_, kDrw).value() & 0xFF00, 0xBB00u);
  EXPECT_EQ(ReadAp(a_, kDrw).value(), 0x88776655u);  // A's TAR counted on, by words
  EXPECT_EQ(ReadAp(b_, kDrw).value() & 0xFF0000, 0xCC0000u);
  // The value of TAR is known, so it was not read.
  for (const std::string& transfer : wire_->TransferLog()) EXPECT_THAT(transfer, Not(HasSubstr("rd ap 4")));
  EXPECT_EQ(ReadAp(a_, kTar).value(), kRam + 8);
  EXPECT_EQ(ReadAp(b_, kTar).value(), kRam + 0x103);
}

TEST_F(SharedProbeTest, ANewSessionStartsFromTheOriginalValuesNotFromAnotherSessions) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswBytes).ok());
  Attach(b_);
  EXPECT_EQ(ReadAp(b_, kCsw).value(), 0x23000042u);
  EXPECT_EQ(ReadAp(a_, kCsw).value(), kCswBytes);
}

TEST_F(SharedProbeTest, ASingleSessionHasNoOverhead) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  wire_->ClearLog();
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  ASSERT_TRUE(ReadAp(a_, kDrw).ok());
  EXPECT_THAT(wire_->TransferLog(), ElementsAre("wr ap 4 20000000", "rd ap c 00000000"));
}

TEST_F(SharedProbeTest, TarIsWrittenWithTheAccessThatNeedsIt) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  wire_->ClearLog();
  ASSERT_TRUE(WriteAp(a_, kTar, kRam + 0x40).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kTransfer), 0u);
  EXPECT_EQ(ReadAp(a_, kTar).value(), kRam);
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kTransfer), 1u);
  EXPECT_THAT(wire_->TransferLog(), ElementsAre("wr ap 4 20000000", "rd ap 4 20000000"));
}

TEST_F(SharedProbeTest, ABlockOfTheBudgetsSizeFitsInOnePlanWithItsTar) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  wire_->ClearLog();
  TransferJob block = TransferJob::ReadRegister(Target::kAp, kDrw, 256);
  const SharedProbe::Work work{&block, &a_};
  ASSERT_TRUE(shared_->RunTransfers({&work, 1}, 256).ok());
  EXPECT_TRUE(block.finished());
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kTransfer), 1u);
}

// The target may have lost TAR in a reset that only the session knows about.
TEST_F(SharedProbeTest, TarIsWrittenEvenIfTheWireSeemsToHoldIt) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  EXPECT_EQ(ReadAp(a_, kTar).value(), kRam);
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  wire_->ClearLog();
  ASSERT_TRUE(ReadAp(a_, kDrw).ok());
  EXPECT_THAT(wire_->TransferLog(), ElementsAre("wr ap 4 20000000", "rd ap c 00000000"));
}

TEST_F(SharedProbeTest, AFailedWriteOfTarIsRepeated) {
  Attach(a_);
  wire_->SetRam(kRam, 0x12345678);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  for (const FakeFailure failure : {FakeFailure::kWait, FakeFailure::kFault}) {
    ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
    wire_->FailTransfer(0, failure);
    EXPECT_FALSE(ReadAp(a_, kDrw).ok());
    EXPECT_EQ(ReadAp(a_, kDrw).value(), 0x12345678u);
  }
}

TEST_F(SharedProbeTest, AnUnknownTarIsReadBackBeforeAnotherSessionOverwritesIt) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam + 0xFFC).ok());
  ASSERT_TRUE(ReadAp(a_, kDrw).ok());  // reaches the end of the 4 KiB page
  uint32_t tar = 0;
  wire_->WithBoard([&](FakeBoard& board) { tar = board.tar(0); });
  ASSERT_TRUE(WriteAp(b_, kTar, kRam + 0x40).ok());
  ASSERT_TRUE(ReadAp(b_, kDrw).ok());
  EXPECT_EQ(ReadAp(a_, kTar).value(), tar);
}

TEST_F(SharedProbeTest, TwoSessionsInOnePacketGetTheirOwnValues) {
  Attach(a_);
  Attach(b_);
  wire_->SetRam(kRam, 0x11111111);
  wire_->SetRam(kRam + 0xFFC, 0x22222222);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam + 0xFFC).ok());
  ASSERT_TRUE(WriteAp(b_, kCsw, kCswBytes).ok());
  ASSERT_TRUE(WriteAp(b_, kTar, kRam).ok());
  TransferJob a1 = TransferJob::ReadRegister(Target::kAp, kDrw, 1);
  TransferJob b1 = TransferJob::ReadRegister(Target::kAp, kDrw, 1);
  TransferJob a2 = TransferJob::ReadRegister(Target::kAp, kTar, 1);
  const std::array<SharedProbe::Work, 3> work = {{{&a1, &a_}, {&b1, &b_}, {&a2, &a_}}};
  ASSERT_TRUE(shared_->RunTransfers(work, 1024).ok());
  EXPECT_EQ(a1.words[0], 0x22222222u);
  EXPECT_EQ(b1.words[0] & 0xFF, 0x11u);
  uint32_t after_page = 0;
  ASSERT_TRUE(WriteAp(a_, kTar, kRam + 0xFFC).ok());
  ASSERT_TRUE(ReadAp(a_, kDrw).ok());
  wire_->WithBoard([&](FakeBoard& board) { after_page = board.tar(0); });
  EXPECT_EQ(a2.words[0], after_page);
}

TEST_F(SharedProbeTest, TheLastSessionLeavesCswAsItWasFound) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswBytes).ok());
  shared_->Leave(a_);
  EXPECT_EQ(WireCsw(), 0x23000042u);
}

TEST_F(SharedProbeTest, OtherApsAreLeftAlone) {
  FakeBoardOptions board;
  board.ap_idr = 0x02880000;  // a vendor's control AP: writing its registers back would reset or erase the part
  wire_->WithBoard([](FakeBoard&) {});
  auto wire = std::make_shared<FakeWire>(board, FakeWire::DefaultInfo("FAKE0002"));
  SharedProbe shared(std::make_unique<FakeProbe>(wire));
  SessionState session;
  shared.Join(session);
  ASSERT_TRUE(shared.Open(session).ok());
  ASSERT_TRUE(shared.Connect(session, WireProtocol::kSwd).ok());
  ASSERT_TRUE(shared.SwjSequence(session, 64, kLineReset).ok());
  TransferJob idr = TransferJob::ReadRegister(Target::kDp, 0, 1);
  SharedProbe::Work work{&idr, &session};
  ASSERT_TRUE(shared.RunTransfers({&work, 1}, 1024).ok());
  ASSERT_TRUE(shared.WriteDp(session, 0x4, kPowerUp).ok());
  TransferJob write = TransferJob::WriteRegister(Target::kAp, kCsw, {kCswBytes});
  work = {&write, &session};
  ASSERT_TRUE(shared.RunTransfers({&work, 1}, 1024).ok());
  ASSERT_TRUE(write.status.ok());
  wire->ClearLog();
  shared.Leave(session);
  for (const std::string& transfer : wire->TransferLog()) EXPECT_THAT(transfer, Not(HasSubstr("wr ap")));
}

// --- Power, reset, clock

TEST_F(SharedProbeTest, PowerRequestsAreOredAndEachSessionSeesItsOwn) {
  Attach(a_);
  Connect(b_);
  EXPECT_EQ(ReadDp(b_, 0x4).value() & kPowered, 0u);  // B asked for nothing
  ASSERT_TRUE(shared_->WriteDp(b_, 0x4, 0x10000000).ok());
  EXPECT_EQ(ReadDp(b_, 0x4).value() & kPowered, 0x30000000u);
  EXPECT_EQ(WirePower(), kPowered);
  ASSERT_TRUE(shared_->WriteDp(b_, 0x4, 0).ok());
  EXPECT_EQ(WirePower(), kPowered);  // A still has it
  EXPECT_EQ(ReadDp(b_, 0x4).value() & kPowered, 0u);
}

TEST_F(SharedProbeTest, AfterPowerDownTheApsStateIsUnknown) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(shared_->WriteDp(a_, 0x4, 0).ok());
  ASSERT_TRUE(shared_->WriteDp(a_, 0x4, kPowerUp).ok());
  for (uint32_t i = 0; i < 4; ++i) wire_->SetRam(kRam + 4 * i, i + 1);
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  TransferJob block = TransferJob::ReadRegister(Target::kAp, kDrw, 4);
  ASSERT_TRUE(Run(a_, block).ok());
  EXPECT_THAT(block.words, ElementsAre(1, 2, 3, 4));
}

TEST_F(SharedProbeTest, SystemPowerIsNeverRequestedWithoutDebugPower) {
  Connect(a_);
  ASSERT_TRUE(shared_->SwjSequence(a_, 64, kLineReset).ok());
  ASSERT_TRUE(ReadDp(a_, 0x0).ok());
  ASSERT_TRUE(shared_->WriteDp(a_, 0x4, 0x40000000).ok());
  EXPECT_EQ(WirePower() & 0x50000000u, 0x50000000u);
}

TEST_F(SharedProbeTest, TheLastSessionPowersDownInTwoSteps) {
  Attach(a_);
  wire_->ClearLog();
  shared_->Leave(a_);
  std::vector<std::string> writes;
  for (const std::string& transfer : wire_->TransferLog()) {
    if (transfer.starts_with("wr dp 4")) writes.push_back(transfer);
  }
  EXPECT_THAT(writes, ElementsAre("wr dp 4 10000f00", "wr dp 4 00000f00"));
}

TEST_F(SharedProbeTest, ASessionThatLeavesDoesNotPowerDownTheOthers) {
  Attach(a_);
  Attach(b_);
  wire_->SetRam(kRam, 0xCAFEF00D);
  ASSERT_TRUE(shared_->WriteDp(a_, 0x4, 0).ok());
  shared_->Leave(a_);
  EXPECT_EQ(WirePower(), kPowered);
  ASSERT_TRUE(WriteAp(b_, kTar, kRam).ok());
  EXPECT_EQ(ReadAp(b_, kDrw).value(), 0xCAFEF00Du);
}

TEST_F(SharedProbeTest, UnsharableBitsOfCtrlStatAreRefused) {
  Attach(a_);
  for (const uint32_t bits : {0x1u, 0x4u, 0x8u}) {
    EXPECT_TRUE(IsError(shared_->WriteDp(a_, 0x4, kPowerUp | bits), ErrorKind::kUnsupported)) << bits;
  }
}

TEST_F(SharedProbeTest, ResetIsHeldWhileAnySessionHoldsIt) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  ASSERT_TRUE(shared_->Open(b_).ok());
  ASSERT_TRUE(shared_->AssertReset(a_, true).ok());
  ASSERT_TRUE(shared_->AssertReset(b_, true).ok());
  ASSERT_TRUE(shared_->AssertReset(a_, false).ok());
  EXPECT_TRUE(wire_->reset_asserted());
  EXPECT_TRUE(shared_->IsResetAsserted(a_).value());
  shared_->Leave(b_);
  EXPECT_FALSE(wire_->reset_asserted());
}

TEST_F(SharedProbeTest, AHeldResetOutlivesTheConnectionsOfOthers) {
  Attach(a_);
  ASSERT_TRUE(shared_->Open(b_).ok());
  ASSERT_TRUE(shared_->AssertReset(b_, true).ok());
  ASSERT_TRUE(shared_->Disconnect(a_).ok());
  EXPECT_TRUE(wire_->reset_asserted());
  Connect(a_);
  EXPECT_TRUE(wire_->reset_asserted());
  shared_->Leave(a_);
  EXPECT_TRUE(wire_->reset_asserted());
  ASSERT_TRUE(shared_->AssertReset(b_, false).ok());
  EXPECT_FALSE(wire_->reset_asserted());
}

// Whatever has become of the pin meanwhile, the probe is told again.
TEST_F(SharedProbeTest, AHoldThatIsRepeatedReachesTheProbe) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  ASSERT_TRUE(shared_->AssertReset(a_, true).ok());
  wire_->ClearLog();
  ASSERT_TRUE(shared_->AssertReset(a_, true).ok());
  EXPECT_THAT(wire_->CallLog(), ElementsAre("assert_reset 1"));
}

TEST_F(SharedProbeTest, AHoldThatFailsIsNotKept) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  ASSERT_TRUE(shared_->Open(b_).ok());
  wire_->FailNextCall(ErrorKind::kProbeError);
  EXPECT_FALSE(shared_->AssertReset(a_, true).ok());
  EXPECT_FALSE(wire_->reset_asserted());
  ASSERT_TRUE(shared_->AssertReset(b_, true).ok());
  wire_->FailNextCall(ErrorKind::kProbeError);
  EXPECT_FALSE(shared_->AssertReset(a_, true).ok());
  EXPECT_TRUE(wire_->reset_asserted()) << "the other session's hold stays";
  ASSERT_TRUE(shared_->AssertReset(b_, false).ok());
  EXPECT_FALSE(wire_->reset_asserted());
}

TEST_F(SharedProbeTest, AReleaseThatFailsCanBeRepeated) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  ASSERT_TRUE(shared_->AssertReset(a_, true).ok());
  wire_->FailNextCall(ErrorKind::kProbeError);
  EXPECT_FALSE(shared_->AssertReset(a_, false).ok());
  ASSERT_TRUE(shared_->AssertReset(a_, false).ok());
  EXPECT_FALSE(wire_->reset_asserted());
}

TEST_F(SharedProbeTest, AResetPulseDoesNotReleaseAHeldReset) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  ASSERT_TRUE(shared_->Open(b_).ok());
  ASSERT_TRUE(shared_->AssertReset(a_, true).ok());
  ASSERT_TRUE(shared_->Reset(b_).ok());
  EXPECT_TRUE(wire_->reset_asserted());
  EXPECT_EQ(wire_->reset_pulses(), 0u);
  ASSERT_TRUE(shared_->AssertReset(a_, false).ok());
  ASSERT_TRUE(shared_->Reset(b_).ok());
  EXPECT_EQ(wire_->reset_pulses(), 1u);
}

TEST_F(SharedProbeTest, TheWireRunsAtTheLowestClock) {
  Connect(a_);
  Connect(b_);
  ASSERT_TRUE(shared_->SetClock(a_, 4'000'000).ok());
  ASSERT_TRUE(shared_->SetClock(b_, 1'000'000).ok());
  ASSERT_TRUE(shared_->SetClock(a_, 8'000'000).ok());
  EXPECT_EQ(wire_->clock(), 1'000'000u);
  shared_->Leave(b_);
  EXPECT_EQ(wire_->clock(), 8'000'000u);
}

TEST_F(SharedProbeTest, SetClockReturnsTheClockThatRuns) {
  Connect(a_);
  Connect(b_);
  wire_->SetClocks(200'000, 10'000'000);
  EXPECT_EQ(shared_->SetClock(a_, 50'000'000).value(), 10'000'000u);
  EXPECT_EQ(shared_->SetClock(b_, 400'000).value(), 400'000u);
  EXPECT_EQ(shared_->SetClock(a_, 2'000'000).value(), 400'000u) << "the other session asked for less";
}

TEST_F(SharedProbeTest, NobodyNoticesTheClockThatAnotherSessionIsRefused) {
  Attach(a_);
  ASSERT_TRUE(shared_->Open(b_).ok());
  wire_->SetClocks(200'000, 10'000'000);
  ASSERT_TRUE(shared_->SetClock(a_, 4'000'000).ok());
  EXPECT_TRUE(IsError(shared_->SetClock(b_, 100'000).status(), ErrorKind::kProbeError));
  EXPECT_EQ(wire_->clock(), 4'000'000u);
  Connect(b_);
  EXPECT_TRUE(ReadDp(a_, 0).ok());
  EXPECT_EQ(shared_->SetClock(b_, 500'000).value(), 500'000u);
  EXPECT_TRUE(IsError(shared_->SetClock(b_, 100'000).status(), ErrorKind::kProbeError));
  EXPECT_EQ(shared_->SetClock(a_, 8'000'000).value(), 500'000u) << "what it asked for before stays";
}

// The probe's default cannot be refused, so it cannot make a connect fail.
TEST_F(SharedProbeTest, TheProbesDefaultClockRunsIfNoSessionAskedForOne) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  ASSERT_TRUE(shared_->SetClock(a_, 400'000).ok());
  wire_->ClearLog();
  Connect(b_);
  EXPECT_THAT(wire_->CallLog(), Contains("set_clock 400000"));
  wire_->ClearLog();
  shared_->Leave(a_);
  EXPECT_THAT(wire_->CallLog(), Contains("set_clock 0"));
}

TEST_F(SharedProbeTest, AClockLimitEndsWithItsSession) {
  Connect(a_);
  const uint32_t unasked = wire_->clock();
  EXPECT_GT(unasked, 0u);
  Connect(b_);
  ASSERT_TRUE(shared_->SetClock(b_, 10'000).ok());
  EXPECT_EQ(wire_->clock(), 10'000u);
  ASSERT_TRUE(shared_->Disconnect(b_).ok());
  EXPECT_EQ(wire_->clock(), unasked);
  ASSERT_TRUE(shared_->SetClock(a_, 20'000).ok());
  shared_->Leave(a_);
  shared_->Leave(b_);
  shared_->Join(a_);
  Connect(a_);
  EXPECT_EQ(wire_->clock(), unasked);
}

TEST_F(SharedProbeTest, ARefusedClockIsNotKept) {
  Connect(a_);
  wire_->FailNextCall(ErrorKind::kProbeError);
  EXPECT_FALSE(shared_->SetClock(a_, 123).ok());
  Connect(b_);
  EXPECT_NE(wire_->clock(), 123u);
}

TEST_F(SharedProbeTest, AConnectThatFailsHalfwayLeavesTheProbeUnchanged) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  for (const ErrorKind kind : {ErrorKind::kProbeError, ErrorKind::kUnsupported}) {
    wire_->FailNextCall(kind);
    EXPECT_FALSE(shared_->Connect(a_, WireProtocol::kSwd).ok());
    EXPECT_FALSE(wire_->is_connected());
  }
  Attach(b_);
}

// --- The link

TEST_F(SharedProbeTest, ASessionContinuesAfterItsOwnRawSequence) {
  Attach(a_);
  wire_->ClearLog();
  ASSERT_TRUE(shared_->SwjSequence(a_, 64, kLineReset).ok());
  ASSERT_TRUE(ReadDp(a_, 0).ok());
  EXPECT_THAT(wire_->TransferLog(), ElementsAre("rd dp 0 2ba01477"));  // nothing before DPIDR
}

TEST_F(SharedProbeTest, OtherSessionsGetANewLink) {
  Attach(a_);
  Attach(b_);
  wire_->SetRam(kRam, 0x12345678);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  ASSERT_TRUE(shared_->SwjSequence(b_, 64, kLineReset).ok());  // and B does not read DPIDR
  EXPECT_EQ(ReadAp(a_, kDrw).value(), 0x12345678u);
}

TEST_F(SharedProbeTest, ALostAckAffectsOnlyItsOwnSession) {
  Attach(a_);
  Attach(b_);
  wire_->SetRam(kRam, 0x0BADCAFE);
  ASSERT_TRUE(WriteAp(b_, kTar, kRam).ok());
  wire_->FailTransfer(0, FakeFailure::kNoAck);
  EXPECT_TRUE(IsError(ReadDp(a_, 0x4).status(), ErrorKind::kTransferError));
  EXPECT_EQ(ReadAp(b_, kDrw).value(), 0x0BADCAFEu);
}

TEST_F(SharedProbeTest, IfTheLinkCannotBeEstablishedTheSessionResponsibleIsNamed) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(shared_->SwjSequence(b_, 64, kLineReset).ok());
  wire_->FailTransfer(0, FakeFailure::kNoAck, 100);
  const absl::Status status = ReadDp(a_, 0x4).status();
  EXPECT_TRUE(IsError(status, ErrorKind::kProbeError)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("session bbbb of bob"));
}

TEST_F(SharedProbeTest, PowerIsRequestedAgainAfterTheTargetLostIt) {
  Attach(a_);
  Attach(b_);
  wire_->SetRam(kRam, 0x600DF00D);
  ASSERT_TRUE(WriteAp(b_, kCsw, kCswBytes).ok());
  wire_->PowerCycle();
  EXPECT_FALSE(ReadDp(a_, 0x4).ok());
  ASSERT_TRUE(WriteAp(b_, kTar, kRam).ok());
  EXPECT_EQ(ReadAp(b_, kDrw).value() & 0xFF, 0x0Du);
  EXPECT_EQ(WireCsw(), kCswBytes);  // which the target had lost
}

TEST_F(SharedProbeTest, ATargetThatIsPowerCycledFailsOneAccessAndThenWorksAgain) {
  Attach(a_);
  wire_->SetRam(kRam, 0x600DF00D);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswBytes).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  Connect(b_);
  const auto handle = shared_->MemoryInterface(b_, 1, 0);
  ASSERT_TRUE(handle.ok() && handle->has_value());
  const auto read_memory = [&] {
    TransferJob job = TransferJob::ReadMemory(**handle, {adi::SingleAccess(kRam, adi::AccessSize::k32)});
    return Run(b_, job);
  };
  for (int cycle = 0; cycle < 2; ++cycle) {
    wire_->PowerCycle();
    EXPECT_FALSE(cycle == 0 ? ReadDp(a_, 0x4).ok() : read_memory().ok());
    EXPECT_TRUE(read_memory().ok());
    EXPECT_EQ(ReadDp(a_, 0x4).value() & kPowered, kPowered);
    ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
    EXPECT_EQ(ReadAp(a_, kDrw).value() & 0xFF, 0x0Du);
  }
}

TEST_F(SharedProbeTest, ATargetThatLosesItsDebugPowerFailsOneAccessAndThenWorksAgain) {
  Connect(a_);
  const auto handle = shared_->MemoryInterface(a_, 1, 0);
  ASSERT_TRUE(handle.ok() && handle->has_value());
  TransferJob first = TransferJob::ReadMemory(**handle, {adi::SingleAccess(kRam, adi::AccessSize::k32)});
  ASSERT_TRUE(Run(a_, first).ok());
  wire_->WithBoard([](FakeBoard& board) { board.DropPower(); });
  TransferJob fails = TransferJob::ReadMemory(**handle, {adi::SingleAccess(kRam, adi::AccessSize::k32)});
  EXPECT_TRUE(IsError(Run(a_, fails), ErrorKind::kTransferFault));
  TransferJob works = TransferJob::ReadMemory(**handle, {adi::SingleAccess(kRam, adi::AccessSize::k32)});
  EXPECT_TRUE(Run(a_, works).ok()) << works.status;
}

TEST_F(SharedProbeTest, ASessionThatReconnectsStartsOver) {
  Attach(a_);
  Connect(b_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswBytes).ok());
  ASSERT_TRUE(shared_->Disconnect(a_).ok());
  ASSERT_TRUE(shared_->Connect(a_, WireProtocol::kDefault).ok());
  ASSERT_TRUE(shared_->WriteDp(a_, 0x4, kPowerUp).ok());
  EXPECT_EQ(ReadAp(a_, kCsw).value(), 0x23000042u);
}

class MultiDropTest : public SharedProbeTest {
 protected:
  static constexpr uint32_t kTarget = 0x01002927;
  static constexpr uint32_t kOtherTarget = 0x11002927;
  MultiDropTest() : SharedProbeTest({.target_selects = {kTarget, kOtherTarget}}) {}

  // Line reset, then TARGETSEL: request 0x99, five bits in which no target answers, data, parity (ADIv5.2 §B4.3.4).
  void SelectTarget(SessionState& session, uint32_t target) {
    ASSERT_TRUE(shared_->SwjSequence(session, 64, kLineReset).ok());
    const std::vector<uint8_t> data = {static_cast<uint8_t>(target), static_cast<uint8_t>(target >> 8),
                                       static_cast<uint8_t>(target >> 16), static_cast<uint8_t>(target >> 24),
                                       static_cast<uint8_t>(__builtin_popcount(target) & 1)};
    ASSERT_TRUE(shared_
                    ->SwdSequence(session, std::vector<SwdSegment>{{.cycles = 8, .output = {0x99}},
                                                                   {.cycles = 5, .output = {}},
                                                                   {.cycles = 33, .output = data}})
                    .ok());
    ASSERT_TRUE(ReadDp(session, 0).ok());
  }
};

TEST_F(MultiDropTest, TargetselIsRepeatedForASessionWhoseTargetAnotherDeselected) {
  Connect(a_);
  SelectTarget(a_, kTarget);
  Connect(b_);
  ASSERT_TRUE(shared_->SwjSequence(b_, 64, kLineReset).ok());  // deselects
  EXPECT_TRUE(ReadDp(a_, 0).ok());
}

TEST_F(MultiDropTest, EachSessionTalksToTheTargetItSelected) {
  const auto selected = [this] {
    std::optional<uint32_t> target;
    wire_->WithBoard([&](FakeBoard& board) { target = board.selected_target(); });
    return target;
  };
  Connect(a_);
  SelectTarget(a_, kTarget);
  Connect(b_);
  SelectTarget(b_, kOtherTarget);
  ASSERT_TRUE(ReadDp(a_, 0).ok());
  EXPECT_EQ(selected(), kTarget);
  ASSERT_TRUE(ReadDp(b_, 0).ok());
  EXPECT_EQ(selected(), kOtherTarget);
}

// --- Faults

TEST_F(SharedProbeTest, AFaultDoesNotAffectOtherSessions) {
  Attach(a_);
  Attach(b_);
  wire_->SetRam(kRam, 0x13579BDF);
  ASSERT_TRUE(WriteAp(a_, kTar, 0x40000000).ok());
  ASSERT_TRUE(WriteAp(b_, kTar, kRam).ok());
  TransferJob bad = TransferJob::WriteRegister(Target::kAp, kDrw, {1});
  TransferJob good = TransferJob::ReadRegister(Target::kAp, kDrw, 1);
  const std::array<SharedProbe::Work, 2> work = {{{&bad, &a_}, {&good, &b_}}};
  ASSERT_TRUE(shared_->RunTransfers(work, 1024).ok());
  EXPECT_TRUE(IsError(bad.status, ErrorKind::kTransferFault));
  EXPECT_EQ(GetError(bad.status).fault_address, 0x40000000u);
  ASSERT_TRUE(good.status.ok()) << good.status;
  EXPECT_EQ(good.words[0], 0x13579BDFu);
}

// If one client sends two commands without waiting, the one that fails gets the error.
TEST_F(SharedProbeTest, AWriteIsNotBlamedForTheReadAfterIt) {
  Attach(a_);
  const uint32_t end = kRam + 64 * 1024;
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, end - 4).ok());
  TransferJob good = TransferJob::WriteRegister(Target::kAp, kDrw, {0x5A5A5A5A});
  TransferJob bad =
      TransferJob::ReadRegister(Target::kAp, 0x10, 1);  // BD0 at the new TAR, which is beyond the end of RAM
  TransferJob move = TransferJob::WriteRegister(Target::kAp, kTar, {end});
  const std::array<SharedProbe::Work, 3> work = {{{&good, &a_}, {&move, &a_}, {&bad, &a_}}};
  ASSERT_TRUE(shared_->RunTransfers(work, 1024).ok());
  EXPECT_TRUE(good.status.ok()) << good.status;
  EXPECT_TRUE(move.status.ok()) << move.status;
  EXPECT_TRUE(IsError(bad.status, ErrorKind::kTransferFault));
}

TEST_F(SharedProbeTest, StickyFlagsAreClearedAfterAFault) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kTar, 0x40000000).ok());
  EXPECT_TRUE(IsError(ReadAp(a_, kDrw).status(), ErrorKind::kTransferFault));
  wire_->WithBoard([](FakeBoard& board) { EXPECT_FALSE(board.sticky_error()); });
  ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
  EXPECT_TRUE(ReadAp(a_, kDrw).ok());
}

TEST_F(SharedProbeTest, ACommandStoppedByAWaitRunsOnce) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(WriteAp(b_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(b_, kTar, kRam).ok());
  TransferJob slow = TransferJob::ReadRegister(Target::kAp, kDrw, 1);
  TransferJob one = TransferJob::WriteRegister(Target::kAp, kDrw, {0x11});
  TransferJob two = TransferJob::WriteRegister(Target::kAp, kDrw, {0x22});
  const std::array<SharedProbe::Work, 3> work = {{{&slow, &a_}, {&one, &b_}, {&two, &b_}}};
  wire_->FailTransfer(0, FakeFailure::kWait);
  ASSERT_TRUE(shared_->RunTransfers(work, 1024).ok());
  EXPECT_FALSE(slow.status.ok());
  EXPECT_TRUE(one.status.ok() && two.status.ok());
  EXPECT_THAT(wire_->ReadRam(kRam, 12), ElementsAre(0x11, 0, 0, 0, 0x22, 0, 0, 0, 0, 0, 0, 0));
}

// If the answer to a packet is lost, it is unknown what has run: neither session's commands may run again.
TEST_F(SharedProbeTest, ACommandThatMayHaveRunIsNotRepeated) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(WriteAp(b_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(b_, kTar, kRam).ok());
  TransferJob one = TransferJob::ReadRegister(Target::kDp, 0x4, 1);
  TransferJob two = TransferJob::WriteRegister(Target::kAp, kDrw, {0x11});
  const std::array<SharedProbe::Work, 2> work = {{{&one, &a_}, {&two, &b_}}};
  wire_->FailTransfer(0, FakeFailure::kReplyLost);
  wire_->ClearLog();
  ASSERT_TRUE(shared_->RunTransfers(work, 1024).ok());
  EXPECT_TRUE(IsError(one.status, ErrorKind::kProbeError));
  EXPECT_TRUE(IsError(two.status, ErrorKind::kProbeError));
  int writes = 0;
  for (const std::string& transfer : wire_->TransferLog()) writes += transfer == "wr ap c 00000011";
  EXPECT_EQ(writes, 1);
}

// If one of the server's own transfers on behalf of one session fails, the other session continues.
TEST_F(SharedProbeTest, AFailureInTheServersOwnTransfersAffectsOneSession) {
  for (size_t k = 0; k < 16; ++k) {
    for (const FakeFailure failure : {FakeFailure::kWait, FakeFailure::kFault, FakeFailure::kNoAck,
                                      FakeFailure::kProbeError, FakeFailure::kReplyLost}) {
      Attach(a_);
      Attach(b_);
      wire_->SetRam(kRam, 0x5EED0000 + static_cast<uint32_t>(k));
      ASSERT_TRUE(WriteAp(a_, kTar, kRam).ok());
      ASSERT_TRUE(shared_->SwjSequence(b_, 64, kLineReset).ok());
      wire_->FailTransfer(k, failure);
      (void)shared_->MemoryInterface(b_, 1, 0);
      (void)shared_->WriteDp(b_, 0x4, 0);
      shared_->Leave(b_);
      const auto value = ReadAp(a_, kDrw);
      // If the failure has not happened yet, it will be in A's own transfers.
      if (value.ok()) {
        EXPECT_EQ(*value, 0x5EED0000 + k) << "k=" << k;
      }
      const auto again = ReadDp(a_, 0x4);
      EXPECT_TRUE(value.ok() || k > 8) << "k=" << k << " " << value.status();
      EXPECT_TRUE(again.ok() || k > 8) << "k=" << k << " " << again.status();
      shared_->Leave(a_);
      shared_->Join(a_);
      shared_->Join(b_);
    }
  }
}

// A failure at each transfer in turn, in a packet of two sessions: the session that is hit gets the error, the other
// reads what it wrote.
TEST_F(SharedProbeTest, AFailureAnywhereInAPacketAffectsOneSession) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswWords).ok());
  ASSERT_TRUE(WriteAp(b_, kCsw, kCswWords).ok());
  // Each of the eight reads is preceded by a write of TAR.
  for (size_t k = 0; k < 16; ++k) {
    for (const FakeFailure failure : {FakeFailure::kWait, FakeFailure::kFault, FakeFailure::kNoAck}) {
      ASSERT_TRUE(WriteAp(a_, kTar, kRam + 0x200).ok());
      ASSERT_TRUE(WriteAp(b_, kTar, kRam + 0x400).ok());
      // Several words, because TAR counts on from its old value if a write of TAR failed.
      for (uint32_t word = 0; word < 8; ++word) {
        wire_->SetRam(kRam + 0x200 + 4 * word, 0xA0000000 + word);
        wire_->SetRam(kRam + 0x400 + 4 * word, 0xB0000000 + word);
      }
      std::vector<TransferJob> jobs;
      std::vector<SharedProbe::Work> work;
      for (int i = 0; i < 4; ++i) {
        jobs.push_back(TransferJob::WriteRegister(Target::kAp, kTar, {kRam + 0x200u}));
        jobs.push_back(TransferJob::WriteRegister(Target::kAp, kTar, {kRam + 0x400u}));
        jobs.push_back(TransferJob::ReadRegister(Target::kAp, kDrw, 1));
        jobs.push_back(TransferJob::ReadRegister(Target::kAp, kDrw, 1));
      }
      for (size_t i = 0; i < jobs.size(); ++i) work.push_back({&jobs[i], i % 2 == 0 ? &a_ : &b_});
      wire_->ClearLog();
      wire_->FailTransfer(k, failure);
      ASSERT_TRUE(shared_->RunTransfers(work, 1024).ok());
      // The failure happened at one of these transfers, or has not happened yet.
      const bool hit = wire_->CountCalls(WireCall::Kind::kTransfer) > 1;
      int failed = 0;
      for (size_t i = 0; i < jobs.size(); ++i) {
        if (!jobs[i].status.ok()) {
          ++failed;
        } else if (i % 4 >= 2) {
          EXPECT_EQ(jobs[i].words[0] >> 28, i % 2 == 0 ? 0xAu : 0xBu) << "k=" << k << " job " << i;
        }
      }
      EXPECT_EQ(failed, hit ? 1 : 0) << "k=" << k;
      // A session with raw access that lost an ACK has to attach again itself.
      for (SessionState* session : {&a_, &b_}) {
        ASSERT_TRUE(shared_->SwjSequence(*session, 64, kLineReset).ok());
        ASSERT_TRUE(ReadDp(*session, 0).ok());
      }
    }
  }
}

TEST_F(SharedProbeTest, AProbeThatIsGoneEndsTheRun) {
  Attach(a_);
  wire_->Unplug();
  TransferJob job = TransferJob::ReadRegister(Target::kDp, 0, 1);
  const SharedProbe::Work work{&job, &a_};
  EXPECT_TRUE(IsError(shared_->RunTransfers({&work, 1}, 1024), ErrorKind::kProbeDisconnected));
}

// --- Memory

TEST_F(SharedProbeTest, MemoryAccessNeedsNoAttach) {
  Connect(a_);
  const auto handle = shared_->MemoryInterface(a_, 1, 0);
  ASSERT_TRUE(handle.ok()) << handle.status();
  ASSERT_TRUE(handle->has_value());
  std::vector<uint8_t> bytes(5001);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + 3);
  TransferJob write = TransferJob::WriteMemory(**handle, adi::SplitBlock(kRam + 3, bytes.size()), bytes);
  ASSERT_TRUE(Run(a_, write).ok());
  EXPECT_EQ(wire_->ReadRam(kRam + 3, bytes.size()), bytes);
  TransferJob read = TransferJob::ReadMemory(**handle, adi::SplitBlock(kRam + 3, bytes.size()));
  ASSERT_TRUE(Run(a_, read).ok());
  std::vector<uint8_t> back(bytes.size());
  read.CopyBytesTo(absl::MakeSpan(back));
  EXPECT_EQ(back, bytes);
}

TEST_F(SharedProbeTest, AnApAlwaysHasTheSameHandle) {
  Connect(a_);
  EXPECT_EQ(shared_->MemoryInterface(a_, 1, 0).value(), 0u);
  EXPECT_EQ(shared_->MemoryInterface(a_, 1, 1).value(), 1u);
  EXPECT_EQ(shared_->MemoryInterface(a_, 1, 0).value(), 0u);
}

TEST_F(SharedProbeTest, MemoryAccessLeavesTheSessionsOwnRegistersAlone) {
  Attach(a_);
  ASSERT_TRUE(WriteAp(a_, kCsw, kCswBytes).ok());
  ASSERT_TRUE(WriteAp(a_, kTar, kRam + 5).ok());
  const auto handle = shared_->MemoryInterface(a_, 1, 0);
  ASSERT_TRUE(handle.ok());
  TransferJob read = TransferJob::ReadMemory(**handle, adi::SplitBlock(kRam, 64));
  ASSERT_TRUE(Run(a_, read).ok());
  EXPECT_EQ(ReadAp(a_, kCsw).value(), kCswBytes);
  EXPECT_EQ(ReadAp(a_, kTar).value(), kRam + 5);
}

TEST_F(SharedProbeTest, AFaultInABlockReportsAddressAndProgress) {
  Connect(a_);
  const auto handle = shared_->MemoryInterface(a_, 1, 0);
  ASSERT_TRUE(handle.ok());
  const uint32_t end = kRam + 64 * 1024;
  for (const bool write : {false, true}) {
    const auto runs = adi::SplitBlock(end - 2048, 4096);
    TransferJob job = write ? TransferJob::WriteMemory(**handle, runs, std::vector<uint8_t>(4096, 1))
                            : TransferJob::ReadMemory(**handle, runs);
    const absl::Status status = Run(a_, job);
    ASSERT_TRUE(IsError(status, ErrorKind::kTransferFault)) << status;
    EXPECT_EQ(GetError(status).fault_address, end) << write;
    EXPECT_EQ(GetError(status).completed_bytes, 2048u) << write;
  }
}

TEST_F(SharedProbeTest, LongBlocksAreSentInSlices) {
  Connect(a_);
  const auto handle = shared_->MemoryInterface(a_, 1, 0);
  ASSERT_TRUE(handle.ok());
  TransferJob read = TransferJob::ReadMemory(**handle, adi::SplitBlock(kRam, 16384));
  const SharedProbe::Work work{&read, &a_};
  ASSERT_TRUE(shared_->RunTransfers({&work, 1}, 1024).ok());
  EXPECT_FALSE(read.finished());
  EXPECT_NEAR(static_cast<double>(read.transfers_left()), 3072, 16);
}

TEST_F(SharedProbeTest, AnUnknownHandleIsAnError) {
  Connect(a_);
  for (const uint64_t bytes : {4, 0}) {
    TransferJob read = TransferJob::ReadMemory(7, adi::SplitBlock(kRam, bytes));
    const SharedProbe::Work work{&read, &a_};
    ASSERT_TRUE(shared_->RunTransfers({&work, 1}, 1024).ok());
    EXPECT_TRUE(IsError(read.status, ErrorKind::kNotFound)) << bytes;
  }
}

TEST_F(SharedProbeTest, OnlyAMemApGetsAHandle) {
  Connect(a_);
  EXPECT_EQ(shared_->MemoryInterface(a_, 2, 0).value(), std::nullopt);  // no ADIv6 part
  EXPECT_EQ(shared_->MemoryInterface(a_, 1, 200).value(), std::nullopt);
}

}  // namespace
}  // namespace probegate
