// The host controller's side of a device: waiting transfers, budgets, and faults.
#include "tests/usbemu/transfers.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate::usbemu {
namespace {

constexpr uint8_t kIn = 0x81;
constexpr uint8_t kOut = 0x01;
constexpr unsigned kAny = std::numeric_limits<unsigned>::max();
constexpr Budget kAll = {kAny, kAny, kAny};
constexpr Clock::time_point kNow{};

struct Owner : TransferOwner {
  void Done(std::unique_ptr<Transfer> transfer) override { done.push_back(std::move(transfer)); }
  std::vector<std::unique_ptr<Transfer>> done;
};

class TransfersTest : public ::testing::Test {
 protected:
  int Submit(uint8_t endpoint, size_t size, uint64_t address = 1, unsigned flags = 0) {
    auto transfer = std::make_unique<Transfer>();
    transfer->address = address;
    transfer->type = USBDEVFS_URB_TYPE_BULK;
    transfer->endpoint = endpoint;
    transfer->flags = flags;
    transfer->data.assign(size, 0x01);
    return transfers_.Submit(owner_, std::move(transfer));
  }
  // The board's reply to the oldest request.
  void Reply(size_t size) { model_.Reply(Bytes(size, 0x01)); }
  const Transfer& last() const { return *owner_.done.back(); }

  size_t requests_ = 0;
  size_t unplugs_ = 0;
  DeviceModel model_{ParseDevice("cmsis-dap-v2,packet-size=256"), Speed::kFull, [this](const Bytes&) { ++requests_; }};
  Transfers transfers_{model_, [this] {
                         ++unplugs_;
                         transfers_.EndAll();
                       }};
  Owner owner_;
};

TEST_F(TransfersTest, NothingMovesBeforeMoveIsCalled) {
  EXPECT_EQ(Submit(kOut, 2), 0);
  EXPECT_EQ(requests_, 0u);
  transfers_.Move(kAll, kNow);
  EXPECT_EQ(requests_, 1u);
  ASSERT_EQ(owner_.done.size(), 1u);
  EXPECT_EQ(last().moved, 2u);
}

TEST_F(TransfersTest, UnknownEndpoint) { EXPECT_EQ(Submit(0x05, 2), ENOENT); }

TEST_F(TransfersTest, DoesNotExceedTheBudget) {
  Submit(kOut, 200);  // four packets
  EXPECT_TRUE(transfers_.Move({.bulk = 3}, kNow));
  EXPECT_EQ(requests_, 0u);
  EXPECT_FALSE(transfers_.Move({.bulk = 3}, kNow));
  EXPECT_EQ(requests_, 1u);
}

TEST_F(TransfersTest, ShortPacketEndsATransfer) {
  Submit(kOut, 2);
  Submit(kIn, 512);
  transfers_.Move(kAll, kNow);
  EXPECT_EQ(owner_.done.size(), 1u);
  Reply(100);
  transfers_.Move(kAll, kNow);
  ASSERT_EQ(owner_.done.size(), 2u);
  EXPECT_EQ(last().moved, 100u);
  EXPECT_EQ(last().status, 0);
}

TEST_F(TransfersTest, AShortTransferIsAnErrorIfRequested) {
  Submit(kOut, 2);
  Submit(kIn, 512, 1, USBDEVFS_URB_SHORT_NOT_OK);
  transfers_.Move(kAll, kNow);
  Reply(100);
  transfers_.Move(kAll, kNow);
  EXPECT_EQ(last().status, -EREMOTEIO);
}

TEST_F(TransfersTest, APacketLargerThanTheBufferIsAnError) {
  Submit(kOut, 2);
  Submit(kIn, 10);
  transfers_.Move(kAll, kNow);
  Reply(20);
  transfers_.Move(kAll, kNow);
  EXPECT_EQ(last().status, -EOVERFLOW);
  EXPECT_EQ(last().moved, 10u);
}

TEST_F(TransfersTest, SendsAnEmptyPacketIfRequested) {
  Submit(kOut, 64, 1, USBDEVFS_URB_ZERO_PACKET);
  transfers_.Move(kAll, kNow);
  EXPECT_EQ(requests_, 1u);
  Submit(kOut, 64);
  transfers_.Move(kAll, kNow);
  EXPECT_EQ(requests_, 1u);  // the device waits for more
  EXPECT_EQ(owner_.done.size(), 2u);
}

TEST_F(TransfersTest, DiscardGivesATransferBackOnce) {
  Submit(kIn, 64, 7);
  EXPECT_FALSE(transfers_.Discard(owner_, 8));
  EXPECT_TRUE(transfers_.Discard(owner_, 7));
  EXPECT_FALSE(transfers_.Discard(owner_, 7));
  ASSERT_EQ(owner_.done.size(), 1u);
  EXPECT_EQ(last().status, -ENOENT);
}

TEST_F(TransfersTest, ForgottenTransfersDoNotTakeReplies) {
  Submit(kOut, 2);
  Submit(kIn, 64);
  transfers_.Move(kAll, kNow);
  transfers_.Forget(owner_);
  Reply(3);
  transfers_.Move(kAll, kNow);
  EXPECT_EQ(owner_.done.size(), 1u);
  EXPECT_NE(model_.NextIn(kIn), nullptr);
}

TEST_F(TransfersTest, StallLastsUntilTheHaltIsCleared) {
  transfers_.faults().Add({.kind = Fault::Kind::kStall, .which = Fault::Which::kOut}, nullptr);
  for (int i = 0; i < 2; ++i) {
    Submit(kOut, 2);
    transfers_.Move(kAll, kNow);
    EXPECT_EQ(last().status, -EPIPE);
  }
  model_.SetHalted(kOut, false);
  Submit(kOut, 2);
  transfers_.Move(kAll, kNow);
  EXPECT_EQ(last().status, 0);
}

TEST_F(TransfersTest, ADelayHoldsLaterTransfers) {
  transfers_.faults().Add(
      {.kind = Fault::Kind::kDelay, .which = Fault::Which::kOut, .delay = std::chrono::milliseconds(5)}, nullptr);
  Submit(kOut, 2);
  Submit(kOut, 3);
  transfers_.Move(kAll, kNow);
  EXPECT_TRUE(owner_.done.empty());
  const std::optional<Clock::time_point> due = transfers_.NextDue();
  ASSERT_TRUE(due);
  EXPECT_EQ(*due, kNow + std::chrono::milliseconds(5));
  transfers_.Move(kAll, *due);
  ASSERT_EQ(owner_.done.size(), 2u);
  EXPECT_EQ(owner_.done[0]->moved, 2u);
}

TEST_F(TransfersTest, FaultsCountTheirTransfers) {
  int ended = 0;
  bool happened = false;
  transfers_.faults().Add({.kind = Fault::Kind::kError, .which = Fault::Which::kOut, .at = 2, .times = 2},
                          [&](bool did) {
                            ++ended;
                            happened = did;
                          });
  std::vector<int> status;
  for (int i = 0; i < 4; ++i) {
    Submit(kIn, 64, 9);
    transfers_.Discard(owner_, 9);  // does not affect it
    Submit(kOut, 2);
    transfers_.Move(kAll, kNow);
    status.push_back(last().status);
    EXPECT_EQ(ended, i < 2 ? 0 : 1);
  }
  EXPECT_THAT(status, ::testing::ElementsAre(0, -EPROTO, -EPROTO, 0));
  EXPECT_TRUE(happened);
  EXPECT_EQ(transfers_.faults().submitted(Fault::Which::kOut), 4u);
}

TEST_F(TransfersTest, UnplugEndsPendingTransfers) {
  bool happened = false;
  transfers_.faults().Add({.kind = Fault::Kind::kUnplug, .at = 3}, [&](bool did) { happened = did; });
  Submit(kIn, 64);
  Submit(kIn, 64);
  EXPECT_EQ(unplugs_, 0u);
  Submit(kOut, 2);
  EXPECT_EQ(unplugs_, 1u);
  EXPECT_TRUE(happened);
  ASSERT_EQ(owner_.done.size(), 3u);
  for (const auto& transfer : owner_.done) EXPECT_EQ(transfer->status, -ESHUTDOWN);
}

TEST_F(TransfersTest, AFaultThatCanNoLongerHappenReportsThat) {
  int failed = 0;
  const auto count = [&](bool did) { failed += did ? 0 : 1; };
  transfers_.faults().Add({.kind = Fault::Kind::kCorrupt, .which = Fault::Which::kIn}, count);
  Submit(kIn, 64, 5);
  transfers_.Discard(owner_, 5);
  EXPECT_EQ(failed, 1);
  transfers_.faults().Add({.kind = Fault::Kind::kCorrupt, .which = Fault::Which::kIn}, count);
  transfers_.faults().Clear();
  EXPECT_EQ(failed, 2);
}

}  // namespace
}  // namespace probegate::usbemu
