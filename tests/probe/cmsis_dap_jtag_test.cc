// What the CMSIS-DAP driver sends over JTAG, and how it handles the replies.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "probe/adi/registers.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/jtag_commands.h"
#include "probe/cmsis_dap/jtag_encoder.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"
#include "tests/fakes/fake_transport.h"

namespace probegate::cmsis_dap {
namespace {

using Bytes = std::vector<uint8_t>;

template <typename CommandValue>
Bytes Encoded(const CommandValue& command, size_t size = 64) {
  Bytes packet(size);
  packet.resize(command.Encode(absl::MakeSpan(packet)));
  return packet;
}

TEST(JtagProtocol, RequestsAreAsDocumented) {
  const Bytes ir_lengths = {4, 5};
  EXPECT_EQ(Encoded(JtagConfigure{ir_lengths}), (Bytes{0x15, 2, 4, 5}));
  const Bytes tdi = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(Encoded(JtagSequence{{.cycles = 5, .tms = true, .tdi = tdi}}), (Bytes{0x14, 1, 0x45, 1}));
  EXPECT_EQ(Encoded(JtagSequence{{.cycles = 72, .capture = true, .tdi = tdi}}),
            (Bytes{0x14, 2, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 0x88, 9}));
}

TEST(JtagProtocol, TheLongestStretchFitsAndALongerOneDoesNot) {
  for (const size_t size : {64u, 512u, 1024u, 65535u}) {
    const size_t most = JtagSequence::MaxCycles(size);
    const Bytes tdi(most / 8 + 8);
    const JtagSequence command{{.cycles = most, .capture = true, .tdi = tdi}};
    EXPECT_NE(Encoded(command, size).size(), 0u) << size;
    EXPECT_EQ(Encoded(command, size)[1], most / 64);
  }
}

TEST(JtagProtocol, RepliesAreNotTrusted) {
  const Bytes tdi(2);
  const JtagSequence command{{.cycles = 9, .capture = true, .tdi = tdi}};
  EXPECT_EQ(command.Decode(Bytes{0x14, 0, 0xAA, 0x01}), (Bytes{0xAA, 0x01}));
  EXPECT_FALSE(command.Decode(Bytes{0x14, 0, 0xAA}));
  EXPECT_FALSE(command.Decode(Bytes{0x14, 0xFF, 0xAA, 0x01}));
  EXPECT_FALSE(command.Decode(Bytes{0x14}));
  EXPECT_EQ((JtagSequence{{.cycles = 9, .tdi = tdi}}.Decode(Bytes{0x14, 0})), Bytes());
}

class JtagEncoderTest : public ::testing::Test {
 protected:
  void WriteAp() { Add({.port = Port::kAp, .address = 0xC, .write = absl::MakeConstSpan(&word_, 1)}); }
  void WriteDp(uint8_t address, const uint32_t& word) {
    Add({.port = Port::kDp, .address = address, .write = absl::MakeConstSpan(&word, 1)});
  }
  void Read(Port port, uint8_t address) {
    Add({.port = port, .address = address, .read = absl::MakeSpan(&read_[reads_++], 1)});
  }
  void Add(const TransferOp& op) { ASSERT_TRUE(packet_.Add(op, 0)); }

  void ExpectOutcome(const Bytes& reply, uint8_t ack, size_t completed, size_t uncertain) {
    const auto outcome = packet_.Decode(reply);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->ack, ack);
    EXPECT_EQ(outcome->completed, completed);
    EXPECT_EQ(outcome->uncertain, uncertain);
  }

  const uint32_t word_ = 0x44332211;
  const uint32_t bank_2_ = 0x00000002;
  std::array<uint32_t, 4> read_ = {};
  size_t reads_ = 0;
  JtagEncoder packet_{64};
};

TEST_F(JtagEncoderTest, ChecksForFailuresAfterEachApOperation) {
  WriteAp();
  Read(Port::kDp, adi::kDpIdr);
  Read(Port::kAp, 0xC);
  packet_.Close();
  EXPECT_EQ(packet_.bytes(), absl::MakeConstSpan(Bytes{0x05, 0x00, 0x06,                 //
                                                       0x0D, 0x11, 0x22, 0x33, 0x44,     // the write
                                                       0x20, 0x32, 0x00, 0x00, 0x00,     // the mask
                                                       0x16, 0x00, 0x00, 0x00, 0x00,     // CTRL/STAT
                                                       0x02, 0x0F,                       // the reads
                                                       0x16, 0x00, 0x00, 0x00, 0x00}));  //
  EXPECT_EQ(packet_.size(), 3u);
  ExpectOutcome({0x05, 0x06, 0x01, 1, 0, 0, 0, 2, 0, 0, 0}, kAckOk, 3, 0);
  EXPECT_EQ(read_[0], 1u);
  EXPECT_EQ(read_[1], 2u);
  ExpectOutcome({0x05, 0x02, 0x11}, kAckFault, 0, 0);
  ExpectOutcome({0x05, 0x05, 0x11, 1, 0, 0, 0, 2, 0, 0, 0}, kAckFault, 2, 0);
  ExpectOutcome({0x05, 0x04, 0x02, 1, 0, 0, 0}, kAckWait, 2, 0);
  ExpectOutcome({0x05, 0x01, 0x07}, kAckNone, 0, 1);
}

TEST_F(JtagEncoderTest, ChecksNothingIfNoApWasAccessed) {
  Read(Port::kDp, adi::kDpIdr);
  packet_.Close();
  EXPECT_EQ(packet_.bytes(), absl::MakeConstSpan(Bytes{0x05, 0x00, 0x01, 0x02}));
  ExpectOutcome({0x05, 0x01, 0x07}, kAckNone, 0, 1);  // begun, but its value has not arrived
}

TEST_F(JtagEncoderTest, WhichOfManyWordsFailedIsUnknown) {
  std::vector<uint32_t> words(3);
  const TransferOp op{.port = Port::kAp, .address = 0xC, .write = words};
  for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(packet_.Add(op, i));
  packet_.Close();
  ExpectOutcome({0x05, 0x04, 0x11}, kAckFault, 0, 3);
  ExpectOutcome({0x05, 0x05, 0x01}, kAckOk, 3, 0);
  ExpectOutcome({0x05, 0x05, 0x02}, kAckOk, 3, 0);  // only the firmware's own last read failed
}

TEST_F(JtagEncoderTest, CtrlStatIsReadInItsBank) {
  WriteDp(adi::kDpSelect, bank_2_);
  WriteAp();
  packet_.Close();
  EXPECT_EQ(packet_.bytes().subspan(13), absl::MakeConstSpan(Bytes{0x20, 0x32, 0x00, 0x00, 0x00,  //
                                                                   0x08, 0x00, 0x00, 0x00, 0x00,  //
                                                                   0x16, 0x00, 0x00, 0x00, 0x00,  //
                                                                   0x08, 0x02, 0x00, 0x00, 0x00}));
  // The place where the packet stopped shows which bank the DP is in now.
  uint32_t status = 0;
  ExpectOutcome({0x05, 0x04, 0x11}, kAckFault, 1, 0);
  packet_.MakeStatusRead(status);
  EXPECT_EQ(packet_.bytes(), absl::MakeConstSpan(Bytes{0x05, 0x00, 0x01, 0x06}));
}

TEST_F(JtagEncoderTest, SelectIsRememberedFromPacketToPacket) {
  WriteDp(adi::kDpSelect, bank_2_);
  packet_.Close();
  ExpectOutcome({0x05, 0x01, 0x01}, kAckOk, 1, 0);
  uint32_t status = 0;
  packet_.MakeStatusRead(status);
  EXPECT_EQ(packet_.bytes(), absl::MakeConstSpan(Bytes{0x05, 0x00, 0x03, 0x08, 0, 0, 0, 0, 0x06, 0x08, 2, 0, 0, 0}));
  ExpectOutcome({0x05, 0x03, 0x01, 0x34, 0x12, 0, 0}, kAckOk, 1, 0);
  EXPECT_EQ(status, 0x1234u);
  packet_.ForgetSelect();
  packet_.MakeStatusRead(status);
  EXPECT_EQ(packet_.bytes().size(), 4u);
}

TEST_F(JtagEncoderTest, RejectsImpossibleReplies) {
  WriteAp();
  Read(Port::kAp, 0xC);
  packet_.Close();
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x06, 0x01}));              // more than were requested
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x03, 0x01}));              // OK, yet not all
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x01, 0x11}));              // a mismatch at a transfer without a value match
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x05, 0x11, 0, 0, 0, 0}));  // a mismatch although all transfers were done
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x05, 0x01, 0x00}));        // not a whole word
  EXPECT_FALSE(packet_.Decode(Bytes{0x05}));
}

TEST_F(JtagEncoderTest, LeavesRoomForTheCheck) {
  std::vector<uint32_t> words(300);
  for (const bool read : {true, false}) {
    TransferOp op{.port = Port::kAp, .address = 0xC};
    if (read) {
      op.read = absl::MakeSpan(words);
    } else {
      op.write = words;
    }
    for (const size_t size : {64u, 1024u}) {
      JtagEncoder packet(size);
      size_t count = 0;
      while (packet.Add(op, count)) ++count;
      EXPECT_GE(count, packet.Capacity(read));
      packet.Close();
      EXPECT_LE(packet.bytes().size(), size);
      const Bytes bytes(packet.bytes().begin(), packet.bytes().end());
      EXPECT_EQ(bytes[bytes.size() - 5], 0x16);
    }
  }
}

// A device with SWD and JTAG, and an Arm DAP alone in the chain, whose CTRL/STAT holds `status`.
struct JtagDevice {
  uint32_t status = 0;

  std::vector<Bytes> operator()(const Bytes& request) const {
    switch (static_cast<Command>(request[0])) {
      case Command::kInfo:
        return {Info(request[1])};
      case Command::kConnect:
        return {{request[0], request[1]}};
      case Command::kTransferAbort:
        return {};
      case Command::kTransfer:
        // Only reads and writes of CTRL/STAT come here.
        if (request[3] != 0x06) return {{request[0], request[2], 1}};
        return {{request[0], request[2], 1, static_cast<uint8_t>(status), static_cast<uint8_t>(status >> 8),
                 static_cast<uint8_t>(status >> 16), static_cast<uint8_t>(status >> 24)}};
      case Command::kJtagSequence:
        return {Scan()};
      default:
        return {{request[0], 0}};
    }
  }
  // TDO shows IDCODE and then what was shifted in.
  static Bytes Scan() {
    Bytes reply = {0x14, 0, 0x77, 0x04, 0xA0, 0x4B};
    reply.resize(2 + JtagScan::MaxBytes(64), 0xFF);
    return reply;
  }
  static Bytes Info(uint8_t id) {
    switch (id) {
      case 0x03:
        return {0x00, 2, 'S', 0};
      case 0xF0:
        return {0x00, 1, 0x03};
      case 0xFE:
        return {0x00, 1, 2};
      case 0xFF:
        return {0x00, 2, 64, 0};
      default:
        return {0x00, 0};
    }
  }
};

class JtagDriverTest : public ::testing::Test {
 protected:
  void Connect(const JtagDevice& device) {
    auto probe = OpenCmsisDap(std::make_unique<FakeTransport>(device, record_), {});
    ASSERT_TRUE(probe.ok()) << probe.status();
    probe_ = *std::move(probe);
    EXPECT_TRUE(probe_->info().features.jtag);
    EXPECT_EQ(probe_->Connect(WireProtocol::kJtag).value(), WireProtocol::kJtag);
  }
  // The chain has been found.
  void ConnectAndRead(const JtagDevice& device) {
    Connect(device);
    uint32_t word = 0;
    const TransferOp op{.port = Port::kDp, .address = adi::kDpCtrlStat, .read = absl::MakeSpan(&word, 1)};
    ASSERT_TRUE(probe_->Transfer({&op, 1}).status.ok());
  }
  void Abort(uint32_t value) {
    record_->requests.clear();
    const TransferOp op{.port = Port::kDp, .address = adi::kDpAbort, .write = absl::MakeConstSpan(&value, 1)};
    const TransferResult result = probe_->Transfer({&op, 1});
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(result.completed, 1u);
  }

  std::shared_ptr<FakeTransport::Record> record_ = std::make_shared<FakeTransport::Record>();
  std::unique_ptr<Probe> probe_;
};

TEST_F(JtagDriverTest, ConfiguresOneDeviceWithAFourBitInstruction) {
  Connect({});
  const auto& requests = record_->requests;
  EXPECT_NE(std::find(requests.begin(), requests.end(), (Bytes{0x02, 2})), requests.end());
  EXPECT_NE(std::find(requests.begin(), requests.end(), (Bytes{0x15, 1, 4})), requests.end());
}

TEST_F(JtagDriverTest, AbortHasAnInstructionOfItsOwn) {
  ConnectAndRead({.status = 0xF0000F00});
  Abort(adi::kAbortDapAbort);
  EXPECT_EQ(record_->requests, (std::vector<Bytes>{{0x08, 0, 1, 0, 0, 0}}));
  Abort(adi::kAbortClearSticky);
  EXPECT_EQ(record_->requests, (std::vector<Bytes>{{0x08, 0, 0x1E, 0, 0, 0}, {0x05, 0, 1, 0x06}}));
}

// ADIv5.0: ABORT has only the DAPABORT bit.
TEST_F(JtagDriverTest, FlagsThatAbortLeavesAreClearedInCtrlStat) {
  ConnectAndRead({.status = 0xF0000F22});
  Abort(adi::kAbortClearSticky);
  ASSERT_EQ(record_->requests.size(), 3u);
  EXPECT_EQ(record_->requests[2], (Bytes{0x05, 0, 1, 0x04, 0x22, 0x0F, 0x00, 0xF0}));
}

TEST_F(JtagDriverTest, ALowTdoMeansThatTheTargetDoesNotAnswer) {
  Connect({});
  auto silent = [](const Bytes& request) -> std::vector<Bytes> {
    if (request[0] == 0x05) return {{0x05, 0, 0}};
    return JtagDevice{}(request);
  };
  auto probe = OpenCmsisDap(std::make_unique<FakeTransport>(silent, record_), {});
  ASSERT_TRUE(probe.ok());
  uint32_t word = 0;
  const TransferOp op{.port = Port::kDp, .address = adi::kDpIdr, .read = absl::MakeSpan(&word, 1)};
  ASSERT_TRUE((*probe)->Connect(WireProtocol::kJtag).ok());
  EXPECT_TRUE(IsError((*probe)->Transfer({&op, 1}).status, ErrorKind::kTransferError));
  ASSERT_TRUE((*probe)->Connect(WireProtocol::kSwd).ok());
  EXPECT_TRUE(IsError((*probe)->Transfer({&op, 1}).status, ErrorKind::kProbeError));
}

}  // namespace
}  // namespace probegate::cmsis_dap
