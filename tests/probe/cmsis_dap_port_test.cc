// When the driver connects the device's port, and what nRESET does meanwhile.
#include <algorithm>
#include <functional>

#include "tests/probe/fake_dap_driver.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kConnect = 0x02;
constexpr uint8_t kDisconnect = 0x03;

using PortTest = FakeDapDriver;

size_t Count(const std::vector<uint8_t>& commands, uint8_t command) {
  return static_cast<size_t>(std::count(commands.begin(), commands.end(), command));
}

// --- Without Connect

TEST_F(PortTest, AHoldWithoutConnectReachesThePin) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  EXPECT_TRUE(dap_.reset_low);
  EXPECT_TRUE(probe_->IsResetAsserted().value());
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_FALSE(dap_.reset_low);
  EXPECT_EQ(dap_.port, 0) << "the port is given back";
  EXPECT_EQ(dap_.pin_writes_without_effect, 0);
}

TEST_F(PortTest, AResetWithoutConnectReachesThePin) {
  ASSERT_TRUE(probe_->Reset().ok());
  EXPECT_EQ(dap_.falls, 1);
  EXPECT_FALSE(dap_.reset_low);
  EXPECT_EQ(dap_.port, 0) << "the port is given back";
  EXPECT_EQ(dap_.pin_writes_without_effect, 0);
}

TEST_F(PortTest, TheDevicesOwnResetHasThePort) {
  dap_.own_reset = true;
  ASSERT_TRUE(probe_->Reset().ok());
  EXPECT_EQ(Sent(), (Commands{kConnect, 0x0A, kDisconnect}));
}

TEST_F(PortTest, AResetLeavesTheWireConnected) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kJtag).ok());
  Sent();
  ASSERT_TRUE(probe_->Reset().ok());
  EXPECT_EQ(dap_.falls, 1);
  EXPECT_EQ(dap_.port, 2);
  EXPECT_EQ(Count(Sent(), kConnect), 0u);
}

// A session that debugs over JTAG most likely connects with it again.
TEST_F(PortTest, NresetTakesThePortForTheProtocolThatTheWireHadLast) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  EXPECT_EQ(dap_.port, 1);
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  ASSERT_TRUE(probe_->Connect(WireProtocol::kJtag).ok());
  ASSERT_TRUE(probe_->Disconnect().ok());
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  EXPECT_EQ(dap_.port, 2);
}

TEST_F(PortTest, ReleasingWhatIsNotHeldSendsNothing) {
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_EQ(Sent(), Commands());
}

TEST_F(PortTest, ARefusedConnectIsTheErrorOfAReset) {
  dap_.refusals[kConnect] = {kConnect, 0};
  const absl::Status held = probe_->AssertReset(true);
  EXPECT_TRUE(IsError(held, ErrorKind::kProbeError));
  EXPECT_EQ(held.message(), "the probe refuses DAP_Connect SWD: it answered 0x00");
  EXPECT_TRUE(IsError(probe_->Reset(), ErrorKind::kProbeError));
  EXPECT_FALSE(probe_->IsResetAsserted().value());
  dap_.refusals.clear();
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  EXPECT_FALSE(dap_.reset_low) << "a hold that failed is not made up for";
}

// --- A hold across Connect and Disconnect

TEST_F(PortTest, UnderResetIsUnderReset) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  Sent();
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  EXPECT_EQ(Count(Sent(), kConnect), 0u) << "another DAP_Connect would set nRESET high";
  EXPECT_TRUE(dap_.reset_low);
  EXPECT_EQ(dap_.falls, 1);
  EXPECT_TRUE(Transfer().ok());
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_FALSE(dap_.reset_low);
  EXPECT_EQ(dap_.port, 1) << "the wire still needs the port";
}

TEST_F(PortTest, ADisconnectDoesNotReleaseNreset) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  ASSERT_TRUE(probe_->Disconnect().ok());
  EXPECT_TRUE(dap_.reset_low);
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  ASSERT_TRUE(probe_->Disconnect().ok());
  EXPECT_TRUE(dap_.reset_low);
  EXPECT_EQ(dap_.falls, 1);
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_FALSE(dap_.reset_low);
  EXPECT_EQ(dap_.port, 0);
}

TEST_F(PortTest, NresetIsAssertedAgainAfterAConnectWithTheOtherProtocol) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  Sent();
  ASSERT_TRUE(probe_->Connect(WireProtocol::kJtag).ok());
  EXPECT_TRUE(dap_.reset_low);
  EXPECT_EQ(dap_.port, 2);
  const Commands sent = Sent();
  ASSERT_GE(sent.size(), 2u);
  EXPECT_EQ(sent[0], kConnect);
  EXPECT_EQ(sent[1], 0x10) << "right after the connect";
}

TEST_F(PortTest, AFailedConnectWithTheOtherProtocolKeepsNreset) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  dap_.refusals[0x15] = {0x15, 0xFF};  // DAP_JTAG_Configure
  EXPECT_FALSE(probe_->Connect(WireProtocol::kJtag).ok());
  EXPECT_TRUE(dap_.reset_low);
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_EQ(dap_.port, 0);
}

TEST_F(PortTest, AResetWhileNresetIsHeldDoesNothing) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  ASSERT_TRUE(probe_->Reset().ok());
  EXPECT_TRUE(dap_.reset_low);
  EXPECT_EQ(dap_.falls, 1);
}

TEST_F(PortTest, CloseReleasesNreset) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  probe_->Close();
  EXPECT_FALSE(dap_.reset_low);
  EXPECT_EQ(dap_.port, 0);
  EXPECT_FALSE(probe_->IsResetAsserted().value());
}

// --- A recovery of the device

class PortRecoveryTest : public FakeDapDriver {
 protected:
  // The device stops answering in the middle of `use`, and loses its settings when it is reset for that.
  void Lose(const std::function<absl::Status()>& use) {
    record_->resetting_attempt = 2;
    record_->on_reset = [this] {
      dap_.lost.clear();
      dap_.PowerCycle();
    };
    for (unsigned command = 0; command < 256; ++command) dap_.lost.push_back(static_cast<uint8_t>(command));
    EXPECT_TRUE(IsError(use(), ErrorKind::kProbeError));
    EXPECT_FALSE(dap_.reset_low);
    EXPECT_EQ(dap_.port, 0);
    Sent();
  }
};

TEST_F(PortRecoveryTest, PortClockAndNresetArePutBack) {
  ASSERT_TRUE(probe_->SetClock(4'000'000).ok());
  ASSERT_TRUE(probe_->Connect(WireProtocol::kJtag).ok());
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  Lose([this] { return Transfer(); });
  EXPECT_TRUE(Transfer().ok());
  EXPECT_EQ(dap_.port, 2);
  EXPECT_TRUE(dap_.reset_low);
  EXPECT_EQ(dap_.clock, 4'000'000u);
}

TEST_F(PortRecoveryTest, NresetIsPutBackWithoutTheWire) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  Lose([this] { return probe_->IsResetAsserted().status(); });
  EXPECT_TRUE(probe_->IsResetAsserted().value());
  EXPECT_TRUE(dap_.reset_low);
  EXPECT_EQ(Sent(), (Commands{kConnect, 0x10, 0x10}));
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_EQ(dap_.port, 0);
}

// --- A connect that fails halfway

TEST_F(PortTest, AFailedConnectLeavesNothingHalfConnected) {
  for (const uint8_t command : {0x13, 0x11, 0x04, 0x01}) {
    dap_.lost = {command};
    EXPECT_TRUE(IsError(probe_->Connect(WireProtocol::kSwd).status(), ErrorKind::kProbeError)) << unsigned{command};
    EXPECT_EQ(dap_.port, 0) << unsigned{command};
  }
  dap_.lost = {kConnect};
  EXPECT_TRUE(IsError(probe_->Connect(WireProtocol::kSwd).status(), ErrorKind::kProbeError));
  EXPECT_EQ(dap_.port, 0) << "it may have connected although the reply was lost";
  dap_.lost.clear();
  dap_.refusals[0x15] = {0x15, 0xFF};
  EXPECT_TRUE(IsError(probe_->Connect(WireProtocol::kJtag).status(), ErrorKind::kProbeError));
  EXPECT_EQ(dap_.port, 0);
  EXPECT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  EXPECT_EQ(dap_.port, 1);
}

TEST_F(PortTest, NresetIsNotLeftLowByALostReply) {
  dap_.lost = {0x10};
  EXPECT_TRUE(IsError(probe_->AssertReset(true), ErrorKind::kProbeError));
  EXPECT_FALSE(dap_.reset_low);
  EXPECT_EQ(dap_.port, 0);
  dap_.lost.clear();
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  for (const bool hold : {true, false}) {
    dap_.lost = {0x10};
    EXPECT_TRUE(IsError(hold ? probe_->AssertReset(true) : probe_->Reset(), ErrorKind::kProbeError));
    EXPECT_FALSE(dap_.reset_low) << hold;
    EXPECT_EQ(dap_.port, 1) << hold;
  }
}

// --- What nRESET reads

TEST_F(PortTest, APinThatAlwaysReadsLowIsNoError) {
  dap_.reads = FakeDap::Reads::kAlwaysLow;
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  EXPECT_TRUE(probe_->Reset().ok());
  EXPECT_EQ(dap_.falls, 1);
  EXPECT_FALSE(probe_->IsResetAsserted().value());
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  EXPECT_TRUE(probe_->IsResetAsserted().value());
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_FALSE(probe_->IsResetAsserted().value());
}

TEST_F(PortTest, APinThatAlwaysReadsHighIsAnsweredAsItIsHeld) {
  dap_.reads = FakeDap::Reads::kAlwaysHigh;
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  EXPECT_TRUE(probe_->IsResetAsserted().value());
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_FALSE(probe_->IsResetAsserted().value());
}

TEST_F(PortTest, AReadingIsBelievedOnceItHasShownBothLevels) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  dap_.stuck_low = true;
  EXPECT_FALSE(probe_->IsResetAsserted().value()) << "it might always read so";
  EXPECT_TRUE(probe_->Reset().ok());
  dap_.stuck_low = false;
  EXPECT_FALSE(probe_->IsResetAsserted().value());
  dap_.stuck_low = true;  // the target's own reset circuit
  EXPECT_TRUE(probe_->IsResetAsserted().value());
  const absl::Status reset = probe_->Reset();
  EXPECT_TRUE(IsError(reset, ErrorKind::kProbeError));
  EXPECT_EQ(reset.message(), "nRESET stays low after it was released");
  dap_.stuck_low = false;
  EXPECT_TRUE(probe_->Reset().ok());
}

TEST_F(PortTest, ADeviceWithoutPinsIsAnsweredAsItIsHeld) {
  dap_.refusals[0x10] = {0xFF};
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  EXPECT_FALSE(probe_->IsResetAsserted().value());
  EXPECT_EQ(probe_->AssertReset(true).message(), "the probe does not know DAP_SWJ_Pins nRESET=0");
  EXPECT_FALSE(probe_->IsResetAsserted().value());
  EXPECT_TRUE(Transfer().ok());
}

}  // namespace
}  // namespace probegate::cmsis_dap
