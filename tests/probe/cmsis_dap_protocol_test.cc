#include "probe/cmsis_dap/protocol.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "probe/adi/registers.h"
#include "probe/cmsis_dap/swd_encoder.h"
#include "probe/cmsis_dap/transfer_block.h"

namespace probegate::cmsis_dap {
namespace {

using Bytes = std::vector<uint8_t>;

template <typename CommandValue>
Bytes Encoded(const CommandValue& command, size_t room = 64) {
  Bytes packet(room);
  packet.resize(command.Encode(absl::MakeSpan(packet)));
  return packet;
}

TEST(Commands, EachHasOneRowAndOneName) {
  std::set<std::string> names;
  std::set<Command> commands;
  for (const CommandRow& row : kCommands) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(commands.insert(row.command).second) << row.name;
    EXPECT_STREQ(CommandName(row.command), row.name);
  }
  EXPECT_EQ(FindCommand(Command{0x80}), nullptr);
  EXPECT_STREQ(CommandName(Command{0x80}), "a vendor's command");
}

TEST(Protocol, RequestsAreAsDocumented) {
  EXPECT_EQ(Encoded(Info{InfoId::kPacketSize}), (Bytes{0x00, 0xFF}));
  EXPECT_EQ(Encoded(HostConnected{true}), (Bytes{0x01, 0x00, 0x01}));
  EXPECT_EQ(Encoded(Connect{false}), (Bytes{0x02, 0x01}));
  EXPECT_EQ(Encoded(Connect{true}), (Bytes{0x02, 0x02}));
  EXPECT_EQ(Encoded(Disconnect{}), (Bytes{0x03}));
  EXPECT_EQ(Encoded(TransferConfigure{2, 0x1234}), (Bytes{0x04, 0x02, 0x34, 0x12, 0x00, 0x00}));
  EXPECT_EQ(Encoded(TransferAbort{}), (Bytes{0x07}));
  EXPECT_EQ(Encoded(WriteAbort{0x11223344}), (Bytes{0x08, 0x00, 0x44, 0x33, 0x22, 0x11}));
  EXPECT_EQ(Encoded(Delay{0x1234}), (Bytes{0x09, 0x34, 0x12}));
  EXPECT_EQ(Encoded(ResetTarget{}), (Bytes{0x0A}));
  EXPECT_EQ(Encoded(SwjPins{0x80, 0x80, 1000}), (Bytes{0x10, 0x80, 0x80, 0xE8, 0x03, 0x00, 0x00}));
  EXPECT_EQ(Encoded(SwjClock{1'000'000}), (Bytes{0x11, 0x40, 0x42, 0x0F, 0x00}));
  EXPECT_EQ(Encoded(SwjSequence{9, Bytes{0xAA, 0x01}}), (Bytes{0x12, 0x09, 0xAA, 0x01}));
  EXPECT_EQ(Encoded(SwjSequence{256, Bytes(32, 0xFF)})[1], 0);
  EXPECT_EQ(Encoded(SwdConfigure{}), (Bytes{0x13, 0x00}));
  const std::vector<SwdSegment> segments = {{.cycles = 8, .output = {0xA5}}, {.cycles = 64}, {.cycles = 9}};
  EXPECT_EQ(Encoded(SwdSequence{segments}), (Bytes{0x1D, 0x03, 0x08, 0xA5, 0x80, 0x89}));
}

TEST(Protocol, ARequestThatDoesNotFitIsNotEncoded) {
  EXPECT_TRUE(Encoded(SwjClock{1}, 4).empty());
  EXPECT_TRUE(Encoded(SwjSequence{256, Bytes(32, 0xFF)}, 33).empty());
  EXPECT_TRUE(Encoded(SwjSequence{257, Bytes(33, 0xFF)}).empty());
}

TEST(Protocol, TruncatedRepliesAreRejected) {
  EXPECT_FALSE(StatusByte(Bytes{0x04}));
  EXPECT_FALSE(Connect{false}.Decode(Bytes{0x02}));
  EXPECT_FALSE(ResetTarget{}.Decode(Bytes{0x0A, 0x00}));
  EXPECT_FALSE(SwjPins{}.Decode(Bytes{0x10}));
  EXPECT_FALSE(Info{}.Decode(Bytes{0x00}));
  const std::vector<SwdSegment> segments = {{.cycles = 9}};
  EXPECT_FALSE(SwdSequence{segments}.Decode(Bytes{0x1D, 0x00, 0x01}));
}

TEST(Protocol, InfoIsTextOrANumber) {
  EXPECT_EQ(Info{}.Decode(Bytes{0x00, 0x03, 'A', 'B', 0x00})->Text(), "AB");
  EXPECT_EQ(Info{}.Decode(Bytes{0x00, 0x02, 0x00, 0x04})->Number(), 1024u);
  EXPECT_EQ(Info{}.Decode(Bytes{0x00, 0x00})->Number(), std::nullopt);
  EXPECT_EQ(Info{}.Decode(Bytes{0x00, 0x01, 0x40})->Number(), 64u);
  EXPECT_EQ(Info{}.Decode(Bytes{0x00, 0x04, 0x00, 0x02, 0x00, 0x01})->Number(), 0x01000200u);
  EXPECT_EQ(Info{}.Decode(Bytes{0x00, 0x05, 1, 2, 3, 4, 5})->Number(), std::nullopt);
  EXPECT_EQ(Info{}.Decode(Bytes{0x00, 0x09, 'A', 'B'})->Text(), "AB");  // cut off, or without its zero
  EXPECT_EQ(Info{}.Decode(Bytes{0x00, 0x01, 'A', 'B'})->Text(), "A");
}

TEST(Protocol, SwjSequencesFitInThePacket) {
  EXPECT_EQ(SwjSequence::MaxBits(1024), 256u);
  EXPECT_EQ(SwjSequence::MaxBits(34), 256u);
  EXPECT_EQ(SwjSequence::MaxBits(33), 248u);
  EXPECT_EQ(SwjSequence::MaxBits(32), 240u);
}

TEST(Protocol, SegmentsFitInRequestAndReply) {
  const std::vector<SwdSegment> captures(300, {.cycles = 64});
  EXPECT_EQ(SwdSequence::Fit(captures, 64), 7u);
  EXPECT_EQ(SwdSequence::Fit(captures, 4096), 255u);
  const std::vector<SwdSegment> outputs(300, {.cycles = 64, .output = Bytes(8)});
  EXPECT_EQ(SwdSequence::Fit(outputs, 64), 6u);
}

class SwdEncoderTest : public ::testing::Test {
 protected:
  void WriteAp() { Add({.port = Port::kAp, .address = 0xC, .write = absl::MakeConstSpan(&word_, 1)}); }
  void WriteDp(uint8_t address) {
    Add({.port = Port::kDp, .address = address, .write = absl::MakeConstSpan(&word_, 1)});
  }
  void Read(Port port, uint8_t address) {
    Add({.port = port, .address = address, .read = absl::MakeSpan(&read_[reads_++], 1)});
  }
  void Add(const TransferOp& op) { ASSERT_TRUE(packet_.Add(op, 0)); }

  void ExpectOutcome(const Bytes& reply, uint8_t ack, size_t completed) {
    const auto outcome = packet_.Decode(reply);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->ack, ack);
    EXPECT_EQ(outcome->completed, completed);
  }

  const uint32_t word_ = 0x44332211;
  std::array<uint32_t, 4> read_ = {};
  size_t reads_ = 0;
  SwdEncoder packet_{64};
};

TEST_F(SwdEncoderTest, MatchesTheDocumentation) {
  WriteDp(8);
  Read(Port::kAp, 0xC);
  EXPECT_EQ(packet_.bytes(), absl::MakeConstSpan(Bytes{0x05, 0x00, 0x02, 0x08, 0x11, 0x22, 0x33, 0x44, 0x0F}));
  ExpectOutcome({0x05, 0x02, 0x01, 0x78, 0x56, 0x34, 0x12}, kAckOk, 2);
  EXPECT_EQ(read_[0], 0x12345678u);
}

TEST_F(SwdEncoderTest, AReadWhoseDataDidNotComeHasNotCompleted) {
  WriteAp();
  Read(Port::kAp, 0xC);
  ExpectOutcome({0x05, 0x02, 0x04}, kAckFault, 1);  // accepted, then failed: so the write has landed
  ExpectOutcome({0x05, 0x01, 0x04}, kAckFault, 0);  // not accepted: the write failed
  ExpectOutcome({0x05, 0x00, 0x02}, kAckWait, 0);
}

TEST_F(SwdEncoderTest, TheLastWriteIsLeftOutWhenItsCheckFails) {
  WriteAp();
  WriteAp();
  ExpectOutcome({0x05, 0x02, 0x04}, kAckFault, 1);
  ExpectOutcome({0x05, 0x02, 0x01}, kAckOk, 2);
}

TEST_F(SwdEncoderTest, ChecksAWriteBeforeAnAccessThatWouldHideItsFailure) {
  WriteAp();
  Read(Port::kDp, adi::kDpCtrlStat);
  EXPECT_EQ(packet_.bytes()[2], 3);
  EXPECT_EQ(packet_.size(), 2u);
  ExpectOutcome({0x05, 0x03, 0x01, 0, 0, 0, 0, 0x78, 0x56, 0x34, 0x12}, kAckOk, 2);
  EXPECT_EQ(read_[0], 0x12345678u);
  ExpectOutcome({0x05, 0x01, 0x04}, kAckFault, 0);
  ExpectOutcome({0x05, 0x02, 0x07, 0, 0, 0, 0}, kAckNone, 1);
}

TEST_F(SwdEncoderTest, RejectsImpossibleReplies) {
  WriteAp();
  Read(Port::kAp, 0xC);
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x03, 0x01}));                       // more than were requested
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x01, 0x01}));                       // OK, yet not all
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x02, 0x01, 0x00}));                 // not a whole word
  EXPECT_FALSE(packet_.Decode(Bytes{0x05, 0x02, 0x04, 0x00, 0x00, 0x00, 0}));  // failed, although all words are there
  EXPECT_FALSE(packet_.Decode(Bytes{0x05}));
}

TEST_F(SwdEncoderTest, FillsRequestAndReplyUpToTheirSize) {
  std::vector<uint32_t> words(300);
  const TransferOp reads{.port = Port::kAp, .address = 0xC, .read = absl::MakeSpan(words)};
  const TransferOp writes{.port = Port::kAp, .address = 0xC, .write = words};
  for (const TransferOp& op : {reads, writes}) {
    packet_.Clear();
    size_t count = 0;
    while (packet_.Add(op, count)) ++count;
    EXPECT_EQ(count, packet_.Capacity(op.is_read()));
  }
}

TEST(TransferBlock, MatchesTheDocumentation) {
  const std::vector<uint32_t> words = {1, 2};
  Bytes packet(64);
  const TransferBlock block{{.port = Port::kAp, .address = 0xC, .write = words}};
  packet.resize(block.Encode(absl::MakeSpan(packet)));
  EXPECT_EQ(packet, (Bytes{0x06, 0x00, 0x02, 0x00, 0x0D, 1, 0, 0, 0, 2, 0, 0, 0}));
}

TEST(TransferBlock, CountsWhatCompleted) {
  std::vector<uint32_t> words = {1, 2};
  const TransferOp write{.port = Port::kAp, .address = 0xC, .write = words};
  EXPECT_EQ(TransferBlock{write}.Decode(Bytes{0x06, 0x02, 0x00, 0x01})->completed, 2u);
  EXPECT_EQ(TransferBlock{write}.Decode(Bytes{0x06, 0x02, 0x00, 0x04})->completed, 1u);
  EXPECT_EQ(TransferBlock{write}.Decode(Bytes{0x06, 0x00, 0x00, 0x04})->completed, 0u);
  EXPECT_FALSE(TransferBlock{write}.Decode(Bytes{0x06, 0x03, 0x00, 0x01}));
  std::vector<uint32_t> data(2);
  const TransferOp read{.port = Port::kAp, .address = 0xC, .read = absl::MakeSpan(data)};
  EXPECT_EQ(TransferBlock{read}.Decode(Bytes{0x06, 0x01, 0x00, 0x04, 9, 0, 0, 0})->completed, 1u);
  EXPECT_EQ(data[0], 9u);
  EXPECT_FALSE(TransferBlock{read}.Decode(Bytes{0x06, 0x02, 0x00, 0x01, 9, 0, 0, 0}));
}

}  // namespace
}  // namespace probegate::cmsis_dap
