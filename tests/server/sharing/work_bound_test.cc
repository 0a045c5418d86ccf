// How work on the probe is given up: for a session that has ended, and at the end of a turn.
#include "server/sharing/work_bound.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "probe/adi/registers.h"
#include "probe/error.h"
#include "server/sharing/shared_probe.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using Target = TransferStep::Target;

constexpr uint32_t kRam = 0x20000000;
constexpr uint32_t kClockMin = 10'000;
constexpr size_t kWords = 100;

class WorkBoundTest : public testing::Test {
 protected:
  WorkBoundTest() {
    a_.who = "a";
    b_.who = "b";
    for (SessionState* session : {&a_, &b_}) {
      shared_.Join(*session);
      EXPECT_TRUE(shared_.Open(*session).ok());
      EXPECT_TRUE(shared_.Connect(*session, WireProtocol::kSwd).ok());
      EXPECT_EQ(shared_.MemoryInterface(*session, 1, 0).value(), 0u);
    }
  }
  ~WorkBoundTest() override { shared_.Shutdown(); }

  static TransferJob WriteWords() {
    std::vector<uint8_t> bytes(4 * kWords);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
    return TransferJob::WriteMemory(0, adi::SplitBlock(kRam, bytes.size()), bytes);
  }
  size_t DataWritten() const {
    size_t count = 0;
    for (const std::string& transfer : wire_->TransferLog()) count += transfer.starts_with("wr ap c") ? 1 : 0;
    return count;
  }

  const std::shared_ptr<FakeWire> wire_ = std::make_shared<FakeWire>();
  SharedProbe shared_{std::make_unique<FakeProbe>(wire_), [](std::string_view) {}, nullptr, {}, kClockMin};
  SessionState a_;
  SessionState b_;
};

TEST_F(WorkBoundTest, ABlockOfASessionThatEndsIsGivenUp) {
  TransferJob block = WriteWords();
  const SharedProbe::Work work{&block, &a_};
  wire_->ClearLog();
  wire_->BeforeTransfer(40, [this] { a_.over = true; });
  ASSERT_TRUE(shared_.RunTransfers({&work, 1}, 1024).ok());
  EXPECT_TRUE(IsInterrupted(block.status)) << block.status;
  EXPECT_LT(DataWritten(), 64u);
}

TEST_F(WorkBoundTest, AnotherSessionsBlockGoesOnWhereItWasInterrupted) {
  TransferJob block = WriteWords();
  TransferJob other = TransferJob::ReadRegister(Target::kDp, adi::kDpCtrlStat, 1);
  const SharedProbe::Work work[] = {{&block, &a_}, {&other, &b_}};
  wire_->ClearLog();
  wire_->BeforeTransfer(40, [this] { b_.over = true; });
  ASSERT_TRUE(shared_.RunTransfers(work, 1024).ok());
  EXPECT_TRUE(block.finished() && block.status.ok()) << block.status;
  EXPECT_EQ(block.bytes_done, 4 * kWords);
  EXPECT_TRUE(IsInterrupted(other.status)) << other.status;
  EXPECT_GT(wire_->CountCalls(WireCall::Kind::kTransfer), 1u) << "the block was not interrupted";
  EXPECT_EQ(DataWritten(), kWords) << "each word once";
  for (size_t i = 0; i < 4 * kWords; ++i) EXPECT_EQ(wire_->ReadRam(kRam + i, 1)[0], static_cast<uint8_t>(i));
}

TEST_F(WorkBoundTest, AnInterruptedReadThroughTheSessionsOwnRegistersGoesOn) {
  for (uint32_t i = 0; i < kWords; ++i) wire_->SetRam(kRam + 4 * i, i);
  const auto write = [this](uint64_t address, uint32_t value) {
    TransferJob job = TransferJob::WriteRegister(Target::kAp, address, {value});
    const SharedProbe::Work work{&job, &a_};
    EXPECT_TRUE(shared_.RunTransfers({&work, 1}, 1024).ok());
  };
  write(adi::kApCsw, 0x23000052);
  write(adi::kApTar, kRam);
  TransferJob block = TransferJob::ReadRegister(Target::kAp, adi::kApDrw, kWords);
  TransferJob other = TransferJob::ReadRegister(Target::kDp, adi::kDpCtrlStat, 1);
  const SharedProbe::Work work[] = {{&block, &a_}, {&other, &b_}};
  wire_->BeforeTransfer(40, [this] { b_.over = true; });
  ASSERT_TRUE(shared_.RunTransfers(work, 1024).ok());
  ASSERT_TRUE(block.status.ok()) << block.status;
  for (uint32_t i = 0; i < kWords; ++i) EXPECT_EQ(block.words[i], i);
}

TEST_F(WorkBoundTest, SequencesOfASessionThatHasEndedAreNotDriven) {
  const WorkBound::Scope scope(shared_.bound(), {.session = &a_});
  a_.over = true;
  EXPECT_TRUE(IsInterrupted(shared_.SwjSequence(a_, 8, std::vector<uint8_t>{0xFF})));
}

TEST_F(WorkBoundTest, TheLinkIsEstablishedAgainAfterASequenceThatWasGivenUp) {
  {
    const WorkBound::Scope scope(shared_.bound(), {.session = &a_});
    a_.over = true;
    EXPECT_TRUE(IsInterrupted(shared_.SwjSequence(a_, 8, std::vector<uint8_t>{0xFF})));
  }
  wire_->LoseLink();
  TransferJob read = TransferJob::ReadRegister(Target::kDp, adi::kDpCtrlStat, 1);
  const SharedProbe::Work work{&read, &b_};
  ASSERT_TRUE(shared_.RunTransfers({&work, 1}, 1024).ok());
  EXPECT_TRUE(read.status.ok()) << read.status;
}

TEST_F(WorkBoundTest, AWaitForPowerIsGivenUp) {
  wire_->WithBoard([](FakeBoard& board) {
    board.SetPowerAcks(0);
    board.DropPower();
  });
  const WorkBound::Scope scope(shared_.bound(), {.session = &a_});
  wire_->BeforeTransfer(20, [this] { a_.over = true; });
  EXPECT_TRUE(IsInterrupted(shared_.MemoryInterface(a_, 1, 0).status()));
}

TEST_F(WorkBoundTest, NothingGoesOnAfterTheEnd) {
  shared_.bound().EndBy(std::chrono::steady_clock::now());
  TransferJob read = TransferJob::ReadRegister(Target::kDp, adi::kDpCtrlStat, 1);
  const SharedProbe::Work work{&read, &a_};
  wire_->ClearLog();
  ASSERT_TRUE(shared_.RunTransfers({&work, 1}, 1024).ok());
  EXPECT_FALSE(read.finished());
  EXPECT_TRUE(wire_->TransferLog().empty());
}

TEST_F(WorkBoundTest, ScopesNest) {
  WorkBound& bound = shared_.bound();
  const WorkBound::Scope outer(bound, {.session = &a_});
  a_.over = true;
  EXPECT_TRUE(bound.raised());
  {
    const WorkBound::Scope inner(bound, {.session = &b_});
    EXPECT_FALSE(bound.raised());
  }
  EXPECT_TRUE(bound.raised());
}

TEST_F(WorkBoundTest, TheClockHasALowestRate) {
  EXPECT_EQ(shared_.SetClock(a_, 1).value(), kClockMin);
  EXPECT_EQ(shared_.SetClock(a_, kClockMin + 1).value(), kClockMin + 1);
}

TEST_F(WorkBoundTest, ATurnIsShorterAtALowClock) {
  EXPECT_EQ(shared_.slice(), kSliceTransfers);
  ASSERT_TRUE(shared_.SetClock(a_, 10'000).ok());
  EXPECT_EQ(shared_.slice(), 39u) << "250 ms of 64 clocks each";
}

}  // namespace
}  // namespace probegate
