// Which clock runs if the device refuses rates.
#include <gmock/gmock.h>

#include <algorithm>
#include <optional>

#include "tests/probe/fake_dap_driver.h"

namespace probegate::cmsis_dap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ClockTest : public FakeDapDriver {
 protected:
  void Limit(uint32_t lowest, uint32_t highest) {
    dap_.lowest_clock = lowest;
    dap_.highest_clock = highest;
  }
};

TEST_F(ClockTest, TheRateThatTheDeviceTakesIsReturned) {
  EXPECT_EQ(probe_->SetClock(1'234'567).value(), 1'234'567u);
  EXPECT_EQ(dap_.clock, 1'234'567u);
}

TEST_F(ClockTest, TheNextLowerUsualRateRunsInsteadOfARefusedOne) {
  Limit(1000, 12'000'000);
  EXPECT_EQ(probe_->SetClock(50'000'000).value(), 12'000'000u);
  EXPECT_EQ(dap_.clock, 12'000'000u);
  EXPECT_EQ(probe_->SetClock(12'000'001).value(), 12'000'000u);
  Limit(1000, 399'999);
  EXPECT_EQ(probe_->SetClock(400'000).value(), 200'000u);
}

TEST_F(ClockTest, ARateBelowAllThatTheDeviceTakesIsRefusedAndThePreviousOneStays) {
  Limit(200'000, 25'000'000);
  ASSERT_EQ(probe_->SetClock(2'000'000).value(), 2'000'000u);
  const auto refused = probe_->SetClock(100'000);
  EXPECT_TRUE(IsError(refused.status(), ErrorKind::kProbeError));
  EXPECT_EQ(
      refused.status().message(),
      "the probe refuses DAP_SWJ_Clock 100000: status 0xff; it also refuses 50000, 20000, 10000, 5000, 2000, 1000 Hz; "
      "the clock stays at 2000000 Hz");
  EXPECT_EQ(dap_.clock, 2'000'000u);
  EXPECT_EQ(probe_->SetClock(2'000'000).value(), 2'000'000u);
  EXPECT_THAT(assumptions_.texts, IsEmpty()) << "the caller was told";
}

TEST_F(ClockTest, ARefusedRateBeforeAnyOtherIsAnErrorToo) {
  Limit(200'000, 25'000'000);
  const auto refused = probe_->SetClock(999);
  EXPECT_EQ(refused.status().message(), "the probe refuses DAP_SWJ_Clock 999: status 0xff");
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  EXPECT_EQ(dap_.clock, 1'000'000u);
}

TEST_F(ClockTest, ConnectUsesALowerRateThanTheDefaultIfNecessary) {
  Limit(1000, 500'000);
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  EXPECT_EQ(dap_.clock, 500'000u);
  EXPECT_EQ(probe_->SetClock(std::nullopt).value(), 500'000u);
  EXPECT_THAT(assumptions_.texts, ElementsAre(HasSubstr("refuses DAP_SWJ_Clock 1000000")));
  EXPECT_EQ(probe_->SetClock(400'000).value(), 400'000u);
}

TEST_F(ClockTest, ConnectLeavesADeviceWithoutASuitableRateAlone) {
  for (const Packet& refusal : {Packet{0x11, 0xFF}, Packet{0xFF}}) {
    dap_.refusals[0x11] = refusal;
    ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
    EXPECT_EQ(probe_->SetClock(std::nullopt).value(), 0u);
    EXPECT_TRUE(Transfer().ok());
    EXPECT_TRUE(IsError(probe_->SetClock(1'000'000).status(), ErrorKind::kProbeError));
    ASSERT_TRUE(probe_->Disconnect().ok());
  }
  EXPECT_THAT(assumptions_.texts, ElementsAre(HasSubstr("its own clock is left alone"),
                                              "the probe does not know DAP_SWJ_Clock 1000000; it also refuses 500000, "
                                              "400000, 200000, 100000, 50000, 20000, 10000, 5000, 2000, 1000 Hz; its "
                                              "own clock is left alone"));
}

TEST_F(ClockTest, NothingIsSentIfTheDeviceHasBeenToldAlready) {
  ASSERT_TRUE(probe_->SetClock(2'000'000).ok());
  Sent();
  EXPECT_EQ(probe_->SetClock(2'000'000).value(), 2'000'000u);
  EXPECT_THAT(Sent(), IsEmpty());
  ASSERT_TRUE(probe_->SetClock(std::nullopt).ok());
  EXPECT_EQ(dap_.clock, 1'000'000u);
}

TEST_F(ClockTest, ALostReplyIsNotARefusal) {
  ASSERT_TRUE(probe_->SetClock(2'000'000).ok());
  dap_.lost = {0x11};
  Sent();
  EXPECT_TRUE(IsError(probe_->SetClock(4'000'000).status(), ErrorKind::kProbeError));
  const Commands sent = Sent();
  EXPECT_EQ(std::count(sent.begin(), sent.end(), 0x11), 1) << "no other rate is tried";
  dap_.lost.clear();
  EXPECT_EQ(probe_->SetClock(2'000'000).value(), 2'000'000u);
  EXPECT_EQ(dap_.clock, 2'000'000u) << "what the device runs at is in doubt, so it is told again";
}

TEST_F(ClockTest, TheRateOutlivesADisconnect) {
  ASSERT_TRUE(probe_->SetClock(2'000'000).ok());
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  ASSERT_TRUE(probe_->Disconnect().ok());
  dap_.clock = 0;
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  EXPECT_EQ(dap_.clock, 2'000'000u);
}

}  // namespace
}  // namespace probegate::cmsis_dap
