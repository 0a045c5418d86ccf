// The fake follows the rules that other tests rely on.
#include "tests/fakes/fake_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "probe/adi/link.h"
#include "probe/adi/registers.h"

namespace probegate {
namespace {

using ::testing::ElementsAre;

class Fake : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(adi::EstablishSwdLink(probe_, std::nullopt).ok());
    ASSERT_TRUE(Write(Port::kDp, adi::kDpCtrlStat, adi::kPowerRequests).status.ok());
    wire_->ClearLog();
  }

  TransferResult Write(Port port, uint8_t address, uint32_t value) {
    const TransferOp op{.port = port, .address = address, .write = absl::MakeConstSpan(&value, 1)};
    return probe_.Transfer(absl::MakeConstSpan(&op, 1));
  }
  TransferResult Read(Port port, uint8_t address, uint32_t& value) {
    const TransferOp op{.port = port, .address = address, .read = absl::MakeSpan(&value, 1)};
    return probe_.Transfer(absl::MakeConstSpan(&op, 1));
  }

  const std::shared_ptr<FakeWire> wire_ = std::make_shared<FakeWire>();
  FakeProbe probe_{wire_};
};

TEST_F(Fake, LogsTheTransfersThatRan) {
  uint32_t idr = 0;
  ASSERT_TRUE(Write(Port::kDp, adi::kDpSelect, 0xF0).status.ok());
  ASSERT_TRUE(Read(Port::kAp, 0xC, idr).status.ok());
  EXPECT_EQ(idr, 0x24770011u);
  EXPECT_THAT(wire_->TransferLog(), ElementsAre("wr dp 8 000000f0", "rd ap c 24770011"));
  EXPECT_THAT(wire_->CallLog(), ElementsAre("transfer 1", "transfer 1"));
}

TEST_F(Fake, APostedWriteFailsAtTheNextTransfer) {
  const std::array<uint32_t, 1> bad = {0x60000000};
  const std::array<TransferOp, 3> ops = {{{.port = Port::kAp, .address = adi::kApTar, .write = bad},
                                          {.port = Port::kAp, .address = adi::kApDrw, .write = bad},
                                          {.port = Port::kAp, .address = adi::kApTar, .write = bad}}};
  for (const size_t count : {2u, 3u}) {
    const TransferResult result = probe_.Transfer(absl::MakeConstSpan(ops).first(count));
    EXPECT_TRUE(IsError(result.status, ErrorKind::kTransferFault));
    EXPECT_EQ(result.completed, 1u);
    ASSERT_TRUE(Write(Port::kDp, adi::kDpAbort, adi::kAbortClearSticky).status.ok());
  }
}

TEST_F(Fake, ALostLinkNeedsALineResetAndDpidr) {
  wire_->FailTransfer(1, FakeFailure::kNoAck);
  uint32_t value = 0;
  EXPECT_TRUE(Read(Port::kDp, adi::kDpCtrlStat, value).status.ok());
  EXPECT_TRUE(IsError(Read(Port::kDp, adi::kDpCtrlStat, value).status, ErrorKind::kTransferError));
  EXPECT_TRUE(IsError(Read(Port::kDp, adi::kDpIdr, value).status, ErrorKind::kTransferError));
  ASSERT_TRUE(adi::EstablishSwdLink(probe_, std::nullopt).ok());
  EXPECT_TRUE(Read(Port::kDp, adi::kDpCtrlStat, value).status.ok());
}

TEST_F(Fake, FailsAtTheChosenTransfersOnly) {
  uint32_t value = 0;
  wire_->FailTransfer(1, FakeFailure::kWait, 2);
  EXPECT_TRUE(Read(Port::kDp, adi::kDpRdbuff, value).status.ok());
  EXPECT_TRUE(IsError(Read(Port::kDp, adi::kDpRdbuff, value).status, ErrorKind::kTransferTimeout));
  EXPECT_TRUE(IsError(Read(Port::kDp, adi::kDpRdbuff, value).status, ErrorKind::kTransferTimeout));
  EXPECT_TRUE(Read(Port::kDp, adi::kDpRdbuff, value).status.ok());
}

TEST_F(Fake, HoldsATransferUntilItIsReleased) {
  wire_->HoldTransfers();
  std::thread user([this] {
    uint32_t value = 0;
    EXPECT_TRUE(Read(Port::kDp, adi::kDpRdbuff, value).status.ok());
  });
  EXPECT_TRUE(wire_->WaitUntilHeld(std::chrono::seconds(30)));
  EXPECT_TRUE(wire_->TransferLog().empty());
  wire_->ReleaseTransfers();
  user.join();
  EXPECT_EQ(wire_->TransferLog().size(), 1u);
}

TEST_F(Fake, IsGoneUntilANewProbeIsMade) {
  wire_->Unplug();
  uint32_t value = 0;
  EXPECT_TRUE(IsError(Read(Port::kDp, adi::kDpIdr, value).status, ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(probe_.Open(), ErrorKind::kProbeDisconnected));
  FakeProbe again(wire_);
  EXPECT_TRUE(again.Open().ok());
}

TEST(FakeAdiV6, HasItsApsAtAddresses) {
  FakeBoardOptions options;
  options.dpidr = 0x4C013477;
  auto wire = std::make_shared<FakeWire>(options, FakeWire::DefaultInfo("1"));
  FakeProbe probe(wire);
  ASSERT_TRUE(adi::EstablishSwdLink(probe, std::nullopt).ok());
  const std::array<uint32_t, 1> power = {adi::kPowerRequests};
  const std::array<uint32_t, 1> select = {0x10DF0};
  std::array<uint32_t, 1> idr = {};
  const std::array<TransferOp, 3> ops = {{{.port = Port::kDp, .address = adi::kDpCtrlStat, .write = power},
                                          {.port = Port::kDp, .address = adi::kDpSelect, .write = select},
                                          {.port = Port::kAp, .address = 0xC, .read = absl::MakeSpan(idr)}}};
  ASSERT_TRUE(probe.Transfer(ops).status.ok());
  EXPECT_EQ(idr[0], 0x24770011u);
}

}  // namespace
}  // namespace probegate
