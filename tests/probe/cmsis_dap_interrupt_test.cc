// How long work is cut into packets, and given up between two of them.
#include <gmock/gmock.h>

#include <array>
#include <vector>

#include "probe/interrupt.h"
#include "tests/probe/fake_dap_driver.h"

namespace probegate::cmsis_dap {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::Le;
using testing::SizeIs;

constexpr uint8_t kSwjSequence = 0x12;
constexpr uint8_t kSwdSequence = 0x1D;
constexpr uint8_t kJtagSequence = 0x14;
constexpr uint8_t kTransfer = 0x05;
constexpr uint8_t kTransferBlock = 0x06;

// Raised once the device has got a number of packets.
class AfterPackets final : public Interrupt {
 public:
  AfterPackets(const FakeTransport::Record& record, size_t packets) : record_(record), packets_(packets) {}
  bool raised() const override { return record_.requests.size() >= packets_; }

 private:
  const FakeTransport::Record& record_;
  const size_t packets_;
};

class InterruptTest : public FakeDapDriver {
 protected:
  void SetClock(uint32_t hertz) {
    ASSERT_TRUE(probe_->SetClock(hertz).ok());
    record_->requests.clear();
  }
  // The byte at `index` of each request with `command`.
  std::vector<int> BytesOf(uint8_t command, size_t index) const {
    std::vector<int> values;
    for (const Packet& request : record_->requests) {
      if (request[0] == command) values.push_back(request[index]);
    }
    return values;
  }
  TransferResult WriteBlock(size_t words) {
    const std::vector<uint32_t> data(words, 1);
    const TransferOp op{.port = Port::kAp, .address = adi::kApDrw, .write = data, .read = {}};
    return probe_->Transfer(absl::MakeConstSpan(&op, 1));
  }

  const std::vector<uint8_t> bits_ = std::vector<uint8_t>(1024, 0xFF);
};

// --- Packets by the clock

TEST_F(InterruptTest, APacketOfASequenceTakesNoLongerThanHalfASecond) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  SetClock(100);
  ASSERT_TRUE(probe_->SwjSequence(100, bits_).ok());
  EXPECT_THAT(BytesOf(kSwjSequence, 1), ElementsAre(48, 48, 4));
}

TEST_F(InterruptTest, ASequenceAtAVeryLowClockGoesByteByByte) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  SetClock(1);
  ASSERT_TRUE(probe_->SwjSequence(20, bits_).ok());
  EXPECT_THAT(BytesOf(kSwjSequence, 1), ElementsAre(8, 8, 4));
}

TEST_F(InterruptTest, APacketOfAJtagSequenceTakesNoLongerThanHalfASecond) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kJtag).ok());
  SetClock(100);
  ASSERT_TRUE(probe_->JtagSequence({.cycles = 100, .tms = false, .capture = false, .tdi = bits_}).ok());
  EXPECT_THAT(BytesOf(kJtagSequence, 2), ElementsAre(48, 48, 4));
}

TEST_F(InterruptTest, APacketOfTransfersTakesNoLongerThanHalfASecond) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  SetClock(1000);
  std::array<uint32_t, 20> words = {};
  std::vector<TransferOp> ops;
  for (uint32_t& word : words) ops.push_back({.port = Port::kDp, .address = 4, .write = {}, .read = {&word, 1}});
  ASSERT_TRUE(probe_->Transfer(ops).status.ok());
  EXPECT_THAT(BytesOf(kTransfer, 2), ElementsAre(7, 7, 6));
}

TEST_F(InterruptTest, PacketsInFlightTogetherTakeNoLongerThanHalfASecond) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  SetClock(10'000);
  record_->most_outstanding = 0;
  ASSERT_TRUE(WriteBlock(1000).status.ok());
  EXPECT_THAT(BytesOf(kTransferBlock, 2), AllOf(SizeIs(Ge(13u)), Each(Le(78))));
  EXPECT_EQ(record_->most_outstanding, 1u);
}

// --- The interrupt

TEST_F(InterruptTest, ASequenceIsGivenUpBetweenTwoPackets) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  record_->requests.clear();
  const AfterPackets interrupt(*record_, 3);
  probe_->SetInterrupt(&interrupt);
  EXPECT_TRUE(IsInterrupted(probe_->SwjSequence(8192, bits_)));
  EXPECT_EQ(Sent(), Commands(3, kSwjSequence));
  probe_->SetInterrupt(nullptr);
  EXPECT_TRUE(probe_->SwjSequence(8192, bits_).ok());
}

TEST_F(InterruptTest, AnSwdSequenceIsGivenUpBetweenTwoPackets) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  record_->requests.clear();
  const AfterPackets interrupt(*record_, 1);
  probe_->SetInterrupt(&interrupt);
  const std::vector<SwdSegment> segments(500, {.cycles = 64, .output = std::vector<uint8_t>(8)});
  if (!probe_->info().features.swd_sequence) GTEST_SKIP() << "the device has no SWD sequences";
  EXPECT_TRUE(IsInterrupted(probe_->SwdSequence(segments).status()));
  EXPECT_EQ(Sent(), Commands(1, kSwdSequence));
  probe_->SetInterrupt(nullptr);
}

TEST_F(InterruptTest, AJtagSequenceIsGivenUpBetweenTwoPackets) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kJtag).ok());
  record_->requests.clear();
  const AfterPackets interrupt(*record_, 1);
  probe_->SetInterrupt(&interrupt);
  const JtagStretch stretch{.cycles = 8192, .tms = false, .capture = false, .tdi = bits_};
  EXPECT_TRUE(IsInterrupted(probe_->JtagSequence(stretch).status()));
  EXPECT_EQ(Sent(), Commands(1, kJtagSequence));
  probe_->SetInterrupt(nullptr);
}

TEST_F(InterruptTest, ABlockIsGivenUpAndWhatIsDoneIsKnown) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  record_->requests.clear();
  const AfterPackets interrupt(*record_, 6);
  probe_->SetInterrupt(&interrupt);
  const TransferResult result = WriteBlock(5000);
  EXPECT_TRUE(IsInterrupted(result.status)) << result.status;
  size_t sent = 0;
  for (const Packet& request : record_->requests) sent += request[2] + 256u * request[3];
  EXPECT_EQ(record_->requests.size(), 6u);
  EXPECT_EQ(result.completed, sent);
  EXPECT_EQ(result.uncertain, 0u);
  probe_->SetInterrupt(nullptr);
}

TEST_F(InterruptTest, NothingIsTransferredOnceItIsRaised) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  record_->requests.clear();
  const AfterPackets interrupt(*record_, 0);
  probe_->SetInterrupt(&interrupt);
  EXPECT_TRUE(IsInterrupted(Transfer()));
  EXPECT_THAT(record_->requests, SizeIs(0));
  probe_->SetInterrupt(nullptr);
}

TEST_F(InterruptTest, WhatIsGivenBackIsGivenBackInAnyCase) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  const AfterPackets interrupt(*record_, 0);
  probe_->SetInterrupt(&interrupt);
  EXPECT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_FALSE(dap_.reset_low);
  EXPECT_TRUE(probe_->Disconnect().ok());
  EXPECT_EQ(dap_.port, 0);
  probe_->SetInterrupt(nullptr);
}

}  // namespace
}  // namespace probegate::cmsis_dap
