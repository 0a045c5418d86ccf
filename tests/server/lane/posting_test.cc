// Posted commands (StreamRequest.posted): what still runs after one has failed, and which command reports the failure.
#include <array>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/adi/registers.h"
#include "tests/server/lane/lane_fixture.h"

namespace probegate {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr uint64_t kCsw = adi::kApCsw;
constexpr uint64_t kTar = adi::kApTar;
constexpr uint64_t kDrw = adi::kApDrw;
constexpr uint32_t kSelect = adi::kDpSelect;
constexpr uint32_t kCtrlStat = adi::kDpCtrlStat;
constexpr uint32_t kNowhere = 0x40000000;
constexpr uint32_t kCswWords = 0x23000052;    // 32 bits, single auto-increment
constexpr uint32_t kCswNoCount = 0x23000042;  // 32 bits, none

class PostingTest : public LaneTest {
 protected:
  PostingTest() : session_(Open("client")) {
    Attach(*session_);
    EXPECT_TRUE(Call(*session_, WriteAp(kCsw, kCswWords)).has_write_ap());
    wire_->SetRam(kRam, 0x11111111);
    wire_->SetRam(kRam + 4, 0x22222222);
    wire_->ClearLog();
  }

  static v1::StreamRequest WriteAp(uint64_t address, uint32_t value) {
    return Request([&](auto& r) {
      r.mutable_write_ap()->set_address(address);
      r.mutable_write_ap()->set_value(value);
    });
  }
  static v1::StreamRequest WriteDp(uint32_t address, uint32_t value) {
    return Request([&](auto& r) {
      r.mutable_write_dp()->set_address(address);
      r.mutable_write_dp()->set_value(value);
    });
  }
  static v1::StreamRequest ReadAp(uint64_t address) {
    return Request([&](auto& r) { r.mutable_read_ap()->set_address(address); });
  }
  static v1::StreamRequest SwjSequence() {
    return Request([](auto& r) {
      r.mutable_swj_sequence()->set_bit_count(8);
      r.mutable_swj_sequence()->set_bits("\xFF");
    });
  }
  static v1::StreamRequest Flush() {
    return Request([](auto& r) { r.mutable_flush(); });
  }

  void Post(v1::StreamRequest request) {
    v1::StreamRequest message;
    *message.add_posted() = std::move(request);
    session_->Submit(std::move(message), [](const v1::StreamResponse&) {});
  }
  // A write that faults.
  void PostFault() {
    Post(WriteAp(kTar, kNowhere));
    Post(WriteAp(kDrw, 0xBAD));
  }
  // The error that the next command with an answer gets.
  std::string TakeFailure() {
    const v1::StreamResponse response = Call(*session_, Flush());
    EXPECT_TRUE(response.has_error());
    return response.error().message();
  }

  const std::shared_ptr<Session> session_;
};

TEST_F(PostingTest, PostedCommandsRunBeforeTheCommandThatFollows) {
  Post(Lock());
  Post(WriteAp(kTar, kRam));
  Post(WriteAp(kDrw, 0xCAFE));
  EXPECT_EQ(Call(*session_, ReadAp(kDrw)).read_ap().value(), 0x22222222u);
  EXPECT_EQ(wire_->Ram(kRam), 0xCAFEu);
  EXPECT_TRUE(session_->snapshot().holds_lock);
  Post(Unlock());
  EXPECT_TRUE(Call(*session_, Flush()).has_flush());
  EXPECT_FALSE(session_->snapshot().holds_lock);
}

TEST_F(PostingTest, PostedCommandsShareAPacketWithTheCommandThatFollows) {
  v1::StreamRequest message = ReadAp(kDrw);
  *message.add_posted() = Lock();
  *message.add_posted() = WriteAp(kTar, kRam);
  *message.add_posted() = WriteAp(kDrw, 1);
  *message.add_posted() = Unlock();
  *message.add_posted() = Lock();
  *message.add_posted() = WriteAp(kDrw, 2);
  *message.add_posted() = Unlock();
  *message.add_posted() = WriteAp(kTar, kRam);
  EXPECT_EQ(Call(*session_, message).read_ap().value(), 1u);
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kTransfer), 1u);
  EXPECT_EQ(wire_->Ram(kRam + 4), 2u);
}

TEST_F(PostingTest, AWaiterHasItsTurnBetweenAnUnlockAndTheNextLock) {
  auto other = Open("other");
  Attach(*other);
  Post(Lock());
  EXPECT_TRUE(Call(*session_, Flush()).has_flush());
  Send(*other, Lock(), "other locks");
  Send(*other, ReadDp(), "other reads");
  v1::StreamRequest message = ReadDp();
  *message.add_posted() = Unlock();
  *message.add_posted() = Lock();
  Send(*session_, message, "reads");
  EXPECT_THAT(diary_.WaitFor(2), ElementsAre("other locks", "other reads"));
  Send(*other, Unlock(), "other unlocks");
  // Two threads answer these.
  EXPECT_THAT(diary_.WaitFor(4), UnorderedElementsAre("other locks", "other reads", "other unlocks", "reads"));
}

TEST_F(PostingTest, AfterAFailureNothingRunsUntilItHasBeenReported) {
  PostFault();
  Post(WriteAp(kTar, kRam));
  Post(WriteAp(kDrw, 0xBAD));
  const v1::StreamResponse response = Call(*session_, ReadAp(kDrw));
  EXPECT_EQ(response.error().kind(), v1::ERROR_KIND_TRANSFER_FAULT);
  EXPECT_EQ(response.error().fault_address(), kNowhere);
  EXPECT_THAT(response.error().message(), HasSubstr("an earlier write_ap 0xc, which was posted, failed"));
  EXPECT_EQ(wire_->Ram(kRam), 0x11111111u);
  // The client believes that TAR was written, and so it is.
  EXPECT_EQ(Call(*session_, ReadAp(kDrw)).read_ap().value(), 0x11111111u);
}

TEST_F(PostingTest, AFailureNamesItsCommand) {
  v1::StreamRequest block;
  block.mutable_write_ap_multiple()->set_address(kDrw);
  block.mutable_write_ap_multiple()->add_values(0xBAD);
  Post(WriteAp(kTar, kNowhere));
  Post(block);
  EXPECT_THAT(TakeFailure(), HasSubstr("an earlier write_ap_multiple 0xc, which was posted, failed"));
}

TEST_F(PostingTest, NothingRunsAfterAFailureWithinOnePacket) {
  auto other = Open("other");
  Attach(*other);
  wire_->HoldTransfers();
  Send(*other, ReadDp(), "first");
  ASSERT_TRUE(wire_->WaitUntilHeld(kBound));
  PostFault();
  Post(WriteAp(kTar, kRam));
  Post(WriteAp(kDrw, 0xBAD));
  Send(*session_, ReadAp(kDrw), "read");
  Send(*session_, ReadAp(kDrw), "again");
  Send(*other, ReadDp(), "other");
  wire_->ReleaseTransfers();
  const auto lines = diary_.WaitFor(4);
  EXPECT_THAT(lines, Contains("read error ERROR_KIND_TRANSFER_FAULT"));
  EXPECT_THAT(lines, Contains("again"));
  EXPECT_THAT(lines, Contains("other"));
  EXPECT_EQ(wire_->Ram(kRam), 0x11111111u);
}

TEST_F(PostingTest, TheFirstFailureCounts) {
  wire_->FailTransfer(0, FakeFailure::kNoAck);
  Post(WriteAp(kDrw, 1));
  Post(ReadAp(kDrw));  // cannot be posted
  EXPECT_EQ(Call(*session_, Flush()).error().kind(), v1::ERROR_KIND_TRANSFER_ERROR);
  EXPECT_TRUE(Call(*session_, Flush()).has_flush());
}

TEST_F(PostingTest, SkippedWritesAreRememberedForTheSession) {
  PostFault();
  Post(WriteAp(kCsw, kCswNoCount));
  Post(WriteDp(kSelect, 0x1));  // DLCR's bank
  Post(WriteAp(kTar, kRam + 4));
  EXPECT_THAT(TakeFailure(), HasSubstr("FAULT"));
  EXPECT_EQ(Call(*session_, ReadAp(kDrw)).read_ap().value(), 0x22222222u);
  EXPECT_EQ(Call(*session_, ReadAp(kDrw)).read_ap().value(), 0x22222222u);
  wire_->ClearLog();
  Call(*session_, ReadDp());
  EXPECT_THAT(wire_->TransferLog(), Not(Contains("rd dp 4 f0000000")));
}

TEST_F(PostingTest, AFailedWriteToCswIsRememberedToo) {
  wire_->FailTransfer(0, FakeFailure::kWait);
  Post(WriteAp(kCsw, kCswNoCount));
  Post(WriteAp(kTar, kRam));
  EXPECT_EQ(Call(*session_, Flush()).error().kind(), v1::ERROR_KIND_TRANSFER_TIMEOUT);
  EXPECT_EQ(Call(*session_, ReadAp(kDrw)).read_ap().value(), 0x11111111u);
  EXPECT_EQ(Call(*session_, ReadAp(kDrw)).read_ap().value(), 0x11111111u);
}

TEST_F(PostingTest, SkippedWritesAreRememberedForAnUnidentifiedAp) {
  constexpr uint64_t kSecondAp = uint64_t{1} << 24;
  PostFault();
  Post(WriteAp(kSecondAp | kCsw, kCswNoCount));
  Post(WriteAp(kSecondAp | kTar, 0x1234));
  EXPECT_THAT(TakeFailure(), HasSubstr("FAULT"));
  EXPECT_EQ(Call(*session_, ReadAp(kSecondAp | kTar)).read_ap().value(), 0x1234u);
}

TEST_F(PostingTest, ASessionThatHasNotConnectedRemembersNothing) {
  auto other = Open("other");
  EXPECT_TRUE(Call(*other, Request([](auto& r) { r.mutable_open(); })).has_open());
  v1::StreamRequest message = Flush();
  *message.add_posted() = WriteDp(kSelect, 0x1);
  EXPECT_EQ(Call(*other, message).error().kind(), v1::ERROR_KIND_NOT_OPEN);
  Attach(*other);
  wire_->ClearLog();
  EXPECT_TRUE(Call(*other, ReadDp()).has_read_dp());
  EXPECT_THAT(wire_->TransferLog(), Contains(HasSubstr("rd dp 4 f0")));
}

TEST_F(PostingTest, LocksAndGetStateIgnoreAFailure) {
  PostFault();
  EXPECT_TRUE(Call(*session_, Lock()).has_lock());
  EXPECT_TRUE(Call(*session_, GetState()).get_state().is_open());
  EXPECT_TRUE(Call(*session_, Unlock()).has_unlock());
  EXPECT_THAT(TakeFailure(), HasSubstr("FAULT"));
}

TEST_F(PostingTest, PowerRequestsAndSequencesDoNotRunAfterAFailure) {
  PostFault();
  EXPECT_TRUE(Call(*session_, WriteDp(kCtrlStat, 0x50000F00)).has_error());
  PostFault();
  EXPECT_TRUE(Call(*session_, Request([](auto& r) { r.mutable_reset(); })).has_error());
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kReset), 0u);
  PostFault();
  EXPECT_TRUE(Call(*session_, SwjSequence()).has_error());
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kSwjSequence), 0u);
}

TEST_F(PostingTest, CloseAndDisconnectRunAndReportTheFailure) {
  PostFault();
  EXPECT_EQ(Call(*session_, Request([](auto& r) { r.mutable_disconnect(); })).error().kind(),
            v1::ERROR_KIND_TRANSFER_FAULT);
  EXPECT_FALSE(Call(*session_, GetState()).get_state().has_wire_protocol());
  Post(WriteAp(kTar, kRam));  // not connected any more
  EXPECT_EQ(Call(*session_, Request([](auto& r) { r.mutable_close(); })).error().kind(), v1::ERROR_KIND_NOT_OPEN);
  EXPECT_FALSE(Call(*session_, GetState()).get_state().is_open());
  EXPECT_TRUE(Call(*session_, Flush()).has_flush());
}

TEST_F(PostingTest, AFailureDoesNotAffectAnotherSession) {
  auto other = Open("other");
  Attach(*other);
  PostFault();
  EXPECT_TRUE(Call(*other, ReadDp()).has_read_dp());
  EXPECT_TRUE(Call(*other, Flush()).has_flush());
  EXPECT_THAT(TakeFailure(), HasSubstr("FAULT"));
}

TEST_F(PostingTest, OtherCommandsCannotBePosted) {
  Post(ReadAp(kDrw));
  EXPECT_THAT(TakeFailure(), HasSubstr("read_ap cannot be posted"));
  Post(WriteDp(kCtrlStat, 0));
  EXPECT_THAT(TakeFailure(), HasSubstr("write_dp to this register cannot be posted"));
  Post(WriteDp(0x3, 0));
  EXPECT_THAT(TakeFailure(), HasSubstr("DP address 0x3"));
  EXPECT_TRUE(Call(*session_, Flush()).has_flush());
}

TEST_F(PostingTest, ABlockThatFailsHalfwayIsAFailure) {
  wire_->FailTransfer(5, FakeFailure::kFault);
  Post(WriteAp(kTar, kRam + 0x100));
  Post(Request([](auto& r) {
    r.mutable_write_ap_multiple()->set_address(kDrw);
    for (uint32_t i = 0; i < 16; ++i) r.mutable_write_ap_multiple()->add_values(i);
  }));
  Post(WriteAp(kTar, kRam));
  Post(WriteAp(kDrw, 0xBAD));
  const v1::StreamResponse response = Call(*session_, Flush());
  EXPECT_EQ(response.error().kind(), v1::ERROR_KIND_TRANSFER_FAULT);
  EXPECT_FALSE(response.error().has_completed_bytes());
  EXPECT_EQ(wire_->Ram(kRam), 0x11111111u);
}

}  // namespace
}  // namespace probegate
