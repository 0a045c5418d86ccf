// Sharing over JTAG: one test for each difference from SWD.
#include <array>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/error.h"
#include "server/sharing/shared_probe.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Target = TransferStep::Target;

constexpr uint32_t kDpidr = 0x2BA01477;
constexpr uint32_t kPowered = 0xF0000000;
constexpr uint32_t kPowerUp = 0x50000F00;
constexpr std::array<uint8_t, 1> kOnes = {0xFF};

ProbeInfo WithJtag() {
  ProbeInfo info = FakeWire::DefaultInfo("FAKE0001");
  info.features.jtag = true;
  return info;
}

class SharedProbeJtagTest : public testing::Test {
 protected:
  SharedProbeJtagTest() : SharedProbeJtagTest(FakeBoardOptions{}) {}
  explicit SharedProbeJtagTest(const FakeBoardOptions& board)
      : wire_(std::make_shared<FakeWire>(board, WithJtag())),
        shared_(std::make_unique<SharedProbe>(std::make_unique<FakeProbe>(wire_))) {
    a_.who = "session aaaa of alice";
    b_.who = "session bbbb of bob";
    shared_->Join(a_);
    shared_->Join(b_);
  }
  ~SharedProbeJtagTest() override { shared_->Shutdown(); }

  void Connect(SessionState& session) {
    ASSERT_TRUE(shared_->Open(session).ok());
    const auto protocol = shared_->Connect(session, WireProtocol::kJtag);
    ASSERT_TRUE(protocol.ok()) << protocol.status();
    EXPECT_EQ(*protocol, WireProtocol::kJtag);
  }

  absl::Status Clock(SessionState& session, size_t cycles, bool tms) {
    return shared_->JtagSequence(session, {.cycles = cycles, .tms = tms, .tdi = kOnes}).status();
  }

  // What pyOCD does to attach.
  void Attach(SessionState& session) {
    Connect(session);
    ASSERT_TRUE(shared_->SwjSequence(session, 8, kOnes).ok());
    ASSERT_TRUE(Clock(session, 6, true).ok());
    ASSERT_TRUE(Clock(session, 1, false).ok());
    ASSERT_TRUE(Read(session, Target::kDp, 0x0).ok());
    ASSERT_TRUE(shared_->WriteDp(session, 0x4, kPowerUp | adi::kStickyFlags).ok());
    EXPECT_EQ(Read(session, Target::kDp, 0x4).value() & kPowered, kPowered);
  }

  absl::StatusOr<uint32_t> Read(SessionState& session, Target target, uint64_t address) {
    TransferJob job = TransferJob::ReadRegister(target, address, 1);
    if (absl::Status status = Run(session, job); !status.ok()) return status;
    return job.words[0];
  }
  absl::Status Write(SessionState& session, Target target, uint64_t address, uint32_t value) {
    TransferJob job = TransferJob::WriteRegister(target, address, {value});
    return Run(session, job);
  }
  absl::Status Run(SessionState& session, TransferJob& job) {
    const SharedProbe::Work work{&job, &session};
    while (!job.finished()) {
      if (absl::Status status = shared_->RunTransfers({&work, 1}, 1024); !status.ok()) return status;
    }
    return job.status;
  }

  const std::shared_ptr<FakeWire> wire_;
  std::unique_ptr<SharedProbe> shared_;
  SessionState a_;
  SessionState b_;
};

TEST_F(SharedProbeJtagTest, TheFirstSessionChoosesTheProtocol) {
  Connect(a_);
  EXPECT_EQ(shared_->ProtocolFor(a_), WireProtocol::kJtag);
  ASSERT_TRUE(shared_->Open(b_).ok());
  const auto swd = shared_->Connect(b_, WireProtocol::kSwd);
  EXPECT_TRUE(IsError(swd.status(), ErrorKind::kProbeError));
  EXPECT_THAT(std::string(swd.status().message()), AllOf(HasSubstr("alice"), HasSubstr("JTAG")));
  EXPECT_EQ(shared_->Connect(b_, WireProtocol::kDefault).value(), WireProtocol::kJtag);
  ASSERT_TRUE(shared_->Disconnect(a_).ok());
  ASSERT_TRUE(shared_->Disconnect(b_).ok());
  EXPECT_EQ(shared_->Connect(b_, WireProtocol::kSwd).value(), WireProtocol::kSwd);
}

TEST_F(SharedProbeJtagTest, RawSequencesMustMatchTheConnectedProtocol) {
  EXPECT_TRUE(IsError(Clock(a_, 1, true), ErrorKind::kNotOpen));
  Connect(a_);
  const std::array<uint8_t, 1> tdi = {0x5A};
  const auto tdo = shared_->JtagSequence(a_, {.cycles = 8, .tms = false, .capture = true, .tdi = tdi});
  ASSERT_TRUE(tdo.ok());
  EXPECT_THAT(*tdo, ElementsAre(0x5A));
  const SwdSegment segment{.cycles = 8, .output = {}};
  const auto swd = shared_->SwdSequence(a_, {&segment, 1});
  EXPECT_TRUE(IsError(swd.status(), ErrorKind::kProbeError));
  EXPECT_THAT(std::string(swd.status().message()), HasSubstr("connected with JTAG"));
  ASSERT_TRUE(shared_->Disconnect(a_).ok());
  ASSERT_TRUE(shared_->Connect(a_, WireProtocol::kSwd).ok());
  EXPECT_TRUE(IsError(Clock(a_, 1, true), ErrorKind::kProbeError));
}

TEST_F(SharedProbeJtagTest, AProbeWithoutJtagIsUnsupported) {
  auto wire = std::make_shared<FakeWire>();
  SharedProbe shared(std::make_unique<FakeProbe>(wire));
  SessionState session;
  shared.Join(session);
  ASSERT_TRUE(shared.Open(session).ok());
  EXPECT_TRUE(IsError(shared.Connect(session, WireProtocol::kJtag).status(), ErrorKind::kUnsupported));
  ASSERT_TRUE(shared.Connect(session, WireProtocol::kSwd).ok());
  const auto tdo = shared.JtagSequence(session, {.cycles = 1, .tdi = kOnes});
  EXPECT_TRUE(IsError(tdo.status(), ErrorKind::kUnsupported));
  shared.Shutdown();
}

TEST_F(SharedProbeJtagTest, AfterARawSequenceOtherSessionsGetANewLink) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(Clock(a_, 1, true).ok());  // the TAP is in Select-DR-Scan
  wire_->ClearLog();
  EXPECT_EQ(Read(b_, Target::kDp, 0x4).value() & kPowered, kPowered);
  EXPECT_EQ(wire_->CallLog().front(), "swj_sequence 16");
  ASSERT_TRUE(Clock(a_, 1, true).ok());
  wire_->ClearLog();
  EXPECT_TRUE(IsError(Read(a_, Target::kDp, 0x4).status(), ErrorKind::kTransferError));
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kSwjSequence), 0u);
  EXPECT_EQ(Read(b_, Target::kAp, 0xFC).value(), 0x24770011u);
}

TEST_F(SharedProbeJtagTest, TheErrorNamesTheSessionThatTouchedTheWire) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(Clock(a_, 1, true).ok());
  wire_->FailTransfer(0, FakeFailure::kNoAck, 3);
  const absl::Status status = Read(b_, Target::kDp, 0x4).status();
  EXPECT_TRUE(IsError(status, ErrorKind::kProbeError)) << status;
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("raw JTAG sequence"), HasSubstr("alice")));
}

TEST_F(SharedProbeJtagTest, AfterARawSequenceSelectIsWrittenBeforeDpidrIsRead) {
  Attach(a_);
  ASSERT_TRUE(Write(a_, Target::kDp, 0x8, 1).ok());
  ASSERT_TRUE(Read(a_, Target::kDp, 0x4).ok());  // the wire is in bank 1
  ASSERT_TRUE(Clock(a_, 6, true).ok());
  ASSERT_TRUE(Clock(a_, 1, false).ok());
  ASSERT_TRUE(Write(a_, Target::kDp, 0x8, 0).ok());
  wire_->ClearLog();
  EXPECT_EQ(Read(a_, Target::kDp, 0x0).value(), kDpidr);
  EXPECT_THAT(wire_->TransferLog(), ElementsAre("wr dp 8 00000000", "rd dp 0 2ba01477"));
}

// Writing ones clears sticky flags. That must happen once, when the session asks for it, and not at each power request.
TEST_F(SharedProbeJtagTest, StickyFlagsAreNotKeptWithTheOtherBitsOfCtrlStat) {
  Connect(a_);
  Connect(b_);
  ASSERT_TRUE(Clock(a_, 6, true).ok());
  ASSERT_TRUE(Clock(a_, 1, false).ok());
  ASSERT_TRUE(Read(a_, Target::kDp, 0x0).ok());
  wire_->ClearLog();
  ASSERT_TRUE(shared_->WriteDp(a_, 0x4, kPowerUp | adi::kStickyFlags).ok());
  EXPECT_THAT(wire_->TransferLog(), testing::Contains("wr dp 4 50000f32"));
  ASSERT_TRUE(shared_->WriteDp(b_, 0x4, kPowerUp).ok());
  EXPECT_EQ(wire_->TransferLog().back(), "wr dp 4 50000f00");
}

TEST_F(SharedProbeJtagTest, RdbuffShowsTheSessionsOwnLastRead) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(Read(a_, Target::kAp, 0xFC).ok());
  EXPECT_EQ(Read(a_, Target::kDp, 0xC).value(), 0x24770011u);
  EXPECT_EQ(Read(b_, Target::kDp, 0xC).value(), 0u);
}

TEST_F(SharedProbeJtagTest, AFaultDoesNotAffectOtherSessions) {
  Attach(a_);
  Attach(b_);
  ASSERT_TRUE(Write(a_, Target::kAp, 0x04, 0x60000000).ok());
  ASSERT_TRUE(Write(b_, Target::kAp, 0x04, 0x20000000).ok());
  TransferJob bad = TransferJob::WriteRegister(Target::kAp, 0x0C, {1});
  TransferJob good = TransferJob::WriteRegister(Target::kAp, 0x0C, {2});
  const std::array<SharedProbe::Work, 2> work = {{{&bad, &a_}, {&good, &b_}}};
  ASSERT_TRUE(shared_->RunTransfers(work, 1024).ok());
  EXPECT_TRUE(IsError(bad.status, ErrorKind::kTransferFault)) << bad.status;
  EXPECT_TRUE(good.status.ok()) << good.status;
  EXPECT_EQ(wire_->ReadRam(0x20000000, 1)[0], 2);
}

// --- ADIv6

constexpr uint32_t kDpidrOfVersion3 = 0x3BA03477;
constexpr uint32_t kDpidr1 = 0x20;

class Adiv6BankTest : public SharedProbeJtagTest {
 protected:
  static FakeBoardOptions Board() {
    FakeBoardOptions options;
    options.dpidr = kDpidrOfVersion3;
    return options;
  }
  Adiv6BankTest() : SharedProbeJtagTest(Board()) {
    wire_->WithBoard([](FakeBoard& board) { board.SetDpRegister(1, 0x0, kDpidr1); });
  }

  // The wire's SELECT is in bank 1, and the session's in bank 0.
  void LeaveInBank1() {
    ASSERT_TRUE(Write(a_, Target::kDp, 0x8, 1).ok());
    EXPECT_EQ(Read(a_, Target::kDp, 0x0).value(), kDpidr1);
    ASSERT_TRUE(Write(a_, Target::kDp, 0x8, 0).ok());
  }
};

// Test-Logic-Reset leaves SELECT as it is, and DPIDR is banked.
TEST_F(Adiv6BankTest, OverJtagDpidrIsReadInBank0) {
  Attach(a_);
  LeaveInBank1();
  ASSERT_TRUE(Clock(a_, 6, true).ok());
  ASSERT_TRUE(Clock(a_, 1, false).ok());
  EXPECT_EQ(Read(a_, Target::kDp, 0x0).value(), kDpidrOfVersion3);
  LeaveInBank1();
  ASSERT_TRUE(Clock(a_, 1, true).ok());
  Connect(b_);
  EXPECT_EQ(Read(b_, Target::kDp, 0x0).value(), kDpidrOfVersion3);  // after the server has established the link
}

// A line reset selects bank 0 and requires that DPIDR is read first; a reset of the target does neither.
TEST_F(Adiv6BankTest, OverSwdDpidrIsReadInBank0WhateverHappenedBefore) {
  ASSERT_TRUE(shared_->Open(a_).ok());
  ASSERT_TRUE(shared_->Connect(a_, WireProtocol::kSwd).ok());
  const std::array<uint8_t, 8> line_reset = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00};
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(shared_->SwjSequence(a_, 64, line_reset).ok());
    EXPECT_EQ(Read(a_, Target::kDp, 0x0).value(), kDpidrOfVersion3);
    LeaveInBank1();
    ASSERT_TRUE(shared_->Reset(a_).ok());
    EXPECT_EQ(Read(a_, Target::kDp, 0x0).value(), kDpidrOfVersion3);
    LeaveInBank1();
  }
}

}  // namespace
}  // namespace probegate
