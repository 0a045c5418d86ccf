// Commands that the device refuses: the driver does without those that the table calls optional, and reports the
// others.
#include <gmock/gmock.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "probe/cmsis_dap/command.h"
#include "tests/probe/fake_dap_driver.h"

namespace probegate::cmsis_dap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RefusalTest : public FakeDapDriver {
 protected:
  // How a device may refuse a command.
  static std::vector<Packet> Refusals(Command command) {
    return {{0xFF}, {static_cast<uint8_t>(command), 0xFF}, {static_cast<uint8_t>(command), 0xFF, 0x00}};
  }
  void Refuse(Command command, const Packet& reply) { dap_.refusals = {{static_cast<uint8_t>(command), reply}}; }

  // All that needs commands which exist without features.
  absl::Status Use() {
    absl::Status status = probe_->Connect(WireProtocol::kSwd).status();
    if (status.ok()) status = Transfer();
    if (status.ok()) status = probe_->SwjSequence(8, Packet{0xFF});
    if (status.ok()) status = probe_->Reset();
    if (status.ok()) status = probe_->SetClock(clock_ += 1000).status();
    const absl::Status left = probe_->Disconnect();
    return status.ok() ? left : status;
  }

  uint32_t clock_ = 2'000'000;
};

TEST_F(RefusalTest, NobodyNoticesThatAnOptionalCommandIsRefused) {
  for (const CommandRow& row : kCommands) {
    if (row.without == nullptr) continue;
    for (const Packet& refusal : Refusals(row.command)) {
      Refuse(row.command, refusal);
      for (int i = 0; i < 2; ++i) {
        const absl::Status used = Use();
        EXPECT_TRUE(used.ok()) << row.name << ": " << used;
      }
    }
    dap_.PowerCycle();
  }
  dap_.refusals.clear();
  EXPECT_TRUE(Use().ok());
}

TEST_F(RefusalTest, WhatIsDoneWithoutIsReportedOnce) {
  Refuse(Command::kHostStatus, {0x01, 0xFE});
  ASSERT_TRUE(Use().ok());
  ASSERT_TRUE(Use().ok());
  EXPECT_THAT(assumptions_.texts, ElementsAre("the probe refuses DAP_HostStatus: status 0xfe; its LED does not show "
                                              "that a debugger is connected"));
  Refuse(Command::kDelay, {0xFF});
  ASSERT_TRUE(Use().ok());
  EXPECT_THAT(assumptions_.texts.back(), "the probe does not know DAP_Delay; the server times the reset pulse");
}

TEST_F(RefusalTest, ANeededCommandIsNamedWithItsArgumentAndTheAnswer) {
  const std::pair<Command, const char*> rows[] = {
      {Command::kConnect, "the probe refuses DAP_Connect SWD: it answered 0xff"},
      {Command::kSwjSequence, "the probe refuses DAP_SWJ_Sequence 8 bits: status 0xff"}};
  for (const auto& [command, message] : rows) {
    Refuse(command, {static_cast<uint8_t>(command), 0xFF});
    const absl::Status status = Use();
    EXPECT_TRUE(IsError(status, ErrorKind::kProbeError));
    EXPECT_EQ(status.message(), message);
  }
  const std::pair<Command, const char*> unknown[] = {
      {Command::kConnect, "the probe does not know DAP_Connect SWD"},
      {Command::kTransfer, "the probe does not know DAP_Transfer"},
      {Command::kSwjPins, "the probe does not know DAP_SWJ_Pins nRESET=0"},
      {Command::kSwjSequence, "the probe does not know DAP_SWJ_Sequence 8 bits"}};
  for (const auto& [command, message] : unknown) {
    Refuse(command, {0xFF});
    EXPECT_EQ(Use().message(), message);
  }
  dap_.refusals.clear();
  EXPECT_TRUE(Use().ok());
}

TEST_F(RefusalTest, ARefusalDoesNotMakeTheDriverLookForItsPlace) {
  Refuse(Command::kDelay, {0xFF});
  ASSERT_TRUE(Use().ok());
  const Commands sent = Sent();
  EXPECT_EQ(std::count(sent.begin(), sent.end(), 0x00), 0) << "no DAP_Info";
}

// The packets of a block are in flight together: after the first refusal, the replies to the others still come.
TEST_F(RefusalTest, ABlockThatIsRefusedLeavesNoRepliesBehind) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  Refuse(Command::kTransferBlock, {0xFF});
  std::vector<uint32_t> words(1000);
  const TransferOp op{.port = Port::kAp, .address = adi::kApDrw, .read = absl::MakeSpan(words)};
  const TransferResult result = probe_->Transfer(absl::MakeConstSpan(&op, 1));
  EXPECT_TRUE(IsError(result.status, ErrorKind::kProbeError));
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("does not know DAP_TransferBlock"));
  EXPECT_TRUE(Transfer().ok());
}

TEST_F(RefusalTest, AbortIsWrittenByATransferIfNecessary) {
  ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
  for (const Packet& refusal : Refusals(Command::kWriteAbort)) {
    Refuse(Command::kWriteAbort, refusal);
    dap_.waits = true;
    EXPECT_TRUE(IsError(Transfer(), ErrorKind::kTransferTimeout));
    EXPECT_TRUE(Transfer().ok());
  }
}

TEST_F(RefusalTest, JtagNeedsToBeConfigured) {
  Refuse(Command::kJtagConfigure, {0x15, 0xFF});
  const auto connected = probe_->Connect(WireProtocol::kJtag);
  EXPECT_EQ(connected.status().message(), "the probe refuses DAP_JTAG_Configure: status 0xff");
}

}  // namespace
}  // namespace probegate::cmsis_dap
