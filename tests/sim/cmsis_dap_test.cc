#include <string>

#include "gtest/gtest.h"
#include "probe_client.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kRam = Chip::kRamBase;
constexpr uint32_t kUnmapped = 0x30000000;

class CmsisDapTest : public testing::Test {
 protected:
  std::string Text(uint8_t id) {
    const Bytes reply = client_.Command({0x00, id});
    return std::string(reply.begin() + 2, reply.end());
  }
  FaultSchedule<TransferFault>& faults() { return client_.board.device().transfers().faults(); }
  uint32_t Memory(uint32_t address) { return client_.board.chip().bus().Read(address, 4).value(); }

  ProbeClient client_;
};

TEST_F(CmsisDapTest, InfoIdentifiesTheProbe) {
  using std::string_literals::operator""s;
  EXPECT_EQ(Text(1), "Probegate\0"s);
  EXPECT_EQ(Text(2), "Simulated CMSIS-DAP\0"s);
  EXPECT_EQ(Text(3), client_.board.device().serial() + "\0"s);
  EXPECT_EQ(Text(4), "2.1.0\0"s);
  EXPECT_EQ(client_.Command({0, 5}), (Bytes{0, 0}));
  EXPECT_EQ(client_.Command({0, 0xF0}), (Bytes{0, 2, 0x37, 0}));
  EXPECT_EQ(client_.Command({0, 0xF1}), (Bytes{0, 4, 0x40, 0x42, 0x0F, 0}));
  EXPECT_EQ(client_.Command({0, 0xFD}), (Bytes{0, 4, 0, 0x40, 0, 0}));
  EXPECT_EQ(client_.Command({0, 0xFE}), (Bytes{0, 1, 4}));
  EXPECT_EQ(client_.Command({0, 0xFF}), (Bytes{0, 2, 0, 4}));
}

TEST_F(CmsisDapTest, SimpleCommands) {
  EXPECT_EQ(client_.Command({0x01, 0, 1}), (Bytes{0x01, 0}));
  EXPECT_EQ(client_.Command({0x01, 2, 1}), (Bytes{0x01, 0xFF}));
  EXPECT_EQ(client_.Command({0x02, 3}), (Bytes{0x02, 0}));
  EXPECT_FALSE(client_.board.device().pins().connected());
  EXPECT_EQ(client_.Command({0x02, 0}), (Bytes{0x02, 1}));
  EXPECT_EQ(client_.Command({0x03}), (Bytes{0x03, 0}));
  EXPECT_EQ(client_.Command({0x0A}), (Bytes{0x0A, 0, 0}));
  EXPECT_EQ(client_.Command({0x11, 0, 0, 0, 0}), (Bytes{0x11, 0xFF}));
  EXPECT_EQ(client_.Command({0x11, 0x80, 0x84, 0x1E, 0}), (Bytes{0x11, 0}));
  EXPECT_EQ(client_.board.device().pins().clock_hz(), 2'000'000u);
}

TEST_F(CmsisDapTest, DelayIsLeftToTheTransport) {
  const Bytes packet = {0x09, 0xE8, 0x03};
  const std::span<const Reply> replies = client_.board.device().Process(packet);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].busy, std::chrono::microseconds(1000));
}

constexpr uint8_t kNoPins = 0;
constexpr uint8_t kResetPin = 0x80;
constexpr uint8_t kAllPins = 0x8F;
Bytes PinsPacket(uint8_t output, uint8_t select) { return {0x10, output, select, 0, 0, 0, 0}; }

TEST_F(CmsisDapTest, ResetPinIsReadBack) {
  client_.Connect();
  EXPECT_EQ(client_.Command({0x10, 0x00, 0x80, 0, 0, 0, 0})[1] & 0x80, 0);
  EXPECT_TRUE(client_.board.chip().processor().held());
  EXPECT_EQ(client_.Command({0x10, 0x00, 0x00, 0, 0, 0, 0})[1] & 0x80, 0);
  EXPECT_EQ(client_.Command({0x10, 0x80, 0x80, 0, 0, 0, 0})[1] & 0x80, 0x80);
  EXPECT_FALSE(client_.board.chip().processor().held());
}

TEST_F(CmsisDapTest, PinsFloatWhileNotConnected) {
  const auto& held = [this] { return client_.board.chip().processor().held(); };
  EXPECT_EQ(client_.Command(PinsPacket(0, kAllPins)), (Bytes{0x10, kAllPins}));
  EXPECT_FALSE(held());
  client_.Connect();
  EXPECT_EQ(client_.Command(PinsPacket(0, kNoPins)), (Bytes{0x10, kAllPins})) << "nothing was kept from before";
  EXPECT_EQ(client_.Command(PinsPacket(0, kResetPin)).at(1) & kResetPin, 0);
  EXPECT_TRUE(held());
  client_.Command({0x03});
  EXPECT_FALSE(held());
  EXPECT_EQ(client_.Command(PinsPacket(0, kResetPin)), (Bytes{0x10, kAllPins}));
  EXPECT_FALSE(held());
}

TEST_F(CmsisDapTest, ConnectReleasesReset) {
  for (const uint8_t port : {1, 2}) {
    client_.Command({0x02, 1});
    client_.Command(PinsPacket(0, kResetPin));
    ASSERT_TRUE(client_.board.chip().processor().held());
    client_.Command({0x02, 3});
    EXPECT_TRUE(client_.board.chip().processor().held()) << "there is no such port, so nothing is set up";
    client_.Command({0x02, port});
    EXPECT_FALSE(client_.board.chip().processor().held());
  }
}

TEST_F(CmsisDapTest, NothingHappensWhileNotConnected) {
  EXPECT_EQ(client_.Command(ProbeClient::TransferPacket({kReadDpidr})), (Bytes{0x05, 0, 0}));
  EXPECT_EQ(client_.Command({0x06, 0, 1, 0, 0x2}), (Bytes{0x06, 0, 0, 0}));
  EXPECT_EQ(client_.Command({0x08, 0, 4, 0, 0, 0}), (Bytes{0x08, 0xFF}));
  EXPECT_EQ(faults().operations(), 0u);
}

// Each of these requests works. Cut short anywhere, it must be refused without any effect.
TEST_F(CmsisDapTest, CutShortRequestsAreRefused) {
  client_.Attach();
  const std::vector<Bytes> requests = {
      {0x00, 1},
      {0x01, 0, 1},
      {0x02, 1},
      {0x04, 0, 100, 0, 0, 0},
      ProbeClient::TransferPacket({WriteTar(kRam), kReadDrw, WriteDrw(1)}),
      {0x06, 0, 1, 0, 0x0D, 1, 2, 3, 4},
      {0x08, 0, 4, 0, 0, 0},
      {0x09, 0, 0},
      {0x10, 0, 0, 0, 0, 0, 0},
      {0x11, 0, 1, 0, 0},
      {0x12, 9, 0, 0},
      {0x13, 0},
      {0x14, 2, 0x81, 1, 0x09, 0, 0},
      {0x15, 1, 4},
      {0x16, 0},
      {0x1D, 2, 0x81, 9, 0, 0},
      {0x7F, 1, 0x00, 1},
  };
  for (const Bytes& request : requests) {
    EXPECT_NE(client_.Command(request).at(0), 0xFF) << int{request[0]};
    const uint64_t transfers = faults().operations();
    for (size_t size = 1; size < request.size(); ++size) {
      const Bytes reply = client_.Command(Bytes(request.begin(), request.begin() + static_cast<long>(size)));
      const bool list_with_invalid_command = request[0] == 0x7F && size > 1;
      EXPECT_EQ(reply.at(list_with_invalid_command ? 2 : 0), 0xFF) << int{request[0]} << " cut to " << size;
    }
    EXPECT_EQ(faults().operations(), transfers) << int{request[0]};
  }
}

TEST_F(CmsisDapTest, UnknownCommandsAreRefused) {
  for (const uint8_t command : {0x0B, 0x1F, 0x20, 0x80, 0xFF}) {
    EXPECT_EQ(client_.Command({command, 0, 0, 0}), Bytes{0xFF}) << int{command};
  }
}

TEST_F(CmsisDapTest, RepliesThatWouldNotFitAreRefused) {
  client_.Attach();
  EXPECT_EQ(client_.Command({0x06, 0, 0xFF, 0, 0x0F}).size(), 4u + 255 * 4);
  EXPECT_EQ(client_.Command({0x06, 0, 0x00, 1, 0x0F}), Bytes{0xFF});
  EXPECT_EQ(client_.Command(ProbeClient::TransferPacket(std::vector<Op>(255, Op{0x82}))), Bytes{0xFF});
}

TEST_F(CmsisDapTest, TransferMixesPostedReadsAndWrites) {
  client_.Attach();
  const Outcome outcome = client_.Transfer({WriteTar(kRam),
                                            WriteDrw(1),
                                            WriteDrw(2),
                                            WriteTar(kRam),
                                            kReadDrw,
                                            kReadDrw,
                                            kReadDpidr,
                                            {0x7},
                                            WriteTar(kRam),
                                            kReadDrw});
  EXPECT_EQ(outcome.count, 10u);
  EXPECT_EQ(outcome.ack, 1u);
  EXPECT_EQ(outcome.words, (std::vector<uint32_t>{1, 2, Chip::kDpidr, kRam + 8, 1}));
}

TEST_F(CmsisDapTest, LastWriteIsCheckedByRdbuff) {
  client_.Attach();
  client_.Transfer({WriteTar(kUnmapped)});
  const uint64_t before = faults().operations();
  const Outcome outcome = client_.Transfer({WriteDrw(1)});
  EXPECT_EQ(outcome.count, 1u);
  EXPECT_EQ(outcome.ack, 4u);
  EXPECT_EQ(faults().operations() - before, 2u);
}

TEST_F(CmsisDapTest, FailingPostedReadIsCountedButHasNoData) {
  client_.Attach();
  const Outcome outcome = client_.Transfer({WriteTar(kUnmapped), kReadDrw});
  EXPECT_EQ(outcome.count, 2u);
  EXPECT_EQ(outcome.ack, 4u);
  EXPECT_TRUE(outcome.words.empty());
}

TEST_F(CmsisDapTest, BlocksReadAndWrite) {
  client_.Attach();
  client_.Transfer({WriteTar(kRam)});
  Bytes packet = {0x06, 0, 3, 0, 0x0D};
  for (const uint32_t word : {10u, 20u, 30u}) Append32(packet, word);
  EXPECT_EQ(client_.Command(packet), (Bytes{0x06, 3, 0, 1}));
  client_.Transfer({WriteTar(kRam)});
  const Bytes reply = client_.Command({0x06, 0, 3, 0, 0x0F});
  ASSERT_EQ(reply.size(), 16u);
  EXPECT_EQ(Bytes(reply.begin(), reply.begin() + 4), (Bytes{0x06, 3, 0, 1}));
  EXPECT_EQ(Word(reply, 4), 10u);
  EXPECT_EQ(Word(reply, 12), 30u);
  EXPECT_EQ(client_.Command({0x06, 0, 2, 0, 0x02}).size(), 12u);  // reads of the DP are not posted
}

TEST_F(CmsisDapTest, BlockStopsAtAFault) {
  client_.Attach();
  client_.Transfer({WriteTar(kUnmapped)});
  EXPECT_EQ(client_.Command({0x06, 0, 3, 0, 0x0F}), (Bytes{0x06, 0, 0, 4}));
  client_.Transfer({WriteAbort(4), WriteTar(kUnmapped)});
  Bytes packet = {0x06, 0, 3, 0, 0x0D};
  packet.resize(packet.size() + 12);
  EXPECT_EQ(client_.Command(packet), (Bytes{0x06, 1, 0, 4}));
}

TEST_F(CmsisDapTest, MatchReadsCompareUnderTheMask) {
  client_.Attach();
  client_.Command({0x04, 0, 100, 0, 5, 0});
  client_.Transfer({WriteTar(kRam), WriteDrw(0x12345678), WriteCsw(0x23000042), WriteTar(kRam)});
  const Op mask{0x20, 0xFF};
  EXPECT_EQ(client_.Transfer({mask, {0x1F, 0x78}, kReadDpidr}).words, std::vector<uint32_t>{Chip::kDpidr});
  const uint64_t before = faults().operations();
  const Outcome outcome = client_.Transfer({mask, {0x1F, 0x79}, kReadDpidr});
  EXPECT_EQ(outcome.count, 1u);
  EXPECT_EQ(outcome.ack, 0x11u);
  EXPECT_EQ(faults().operations() - before, 1u + 1 + 5);  // the posted read, one try and five retries
}

TEST_F(CmsisDapTest, TimestampsComeBeforeTheData) {
  client_.Attach();
  const Bytes reply = client_.Command(ProbeClient::TransferPacket({{0x82}, {0x88, 0}}));
  ASSERT_EQ(reply.size(), 3u + 8 + 4);
  EXPECT_EQ(Word(reply, 7), Chip::kDpidr);
  EXPECT_LE(Word(reply, 3), Word(reply, 11));
}

TEST_F(CmsisDapTest, WaitIsRetriedUpToTheCount) {
  client_.Attach();
  client_.Command({0x04, 0, 3, 0, 0, 0});
  faults().Arm(TransferFault::kWait, 1, 3);
  EXPECT_EQ(client_.Transfer({WriteTar(kRam)}).ack, 1u);
  faults().Arm(TransferFault::kWait, 2, 4);
  const Outcome outcome = client_.Transfer({WriteTar(kRam + 4), WriteTar(kRam + 8), WriteTar(kRam + 12)});
  EXPECT_EQ(outcome.count, 1u);
  EXPECT_EQ(outcome.ack, 2u);
  EXPECT_EQ(client_.Read({0x7}), kRam + 4);
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, 1u);
}

TEST_F(CmsisDapTest, InjectedFaultIsSticky) {
  client_.Attach();
  faults().Arm(TransferFault::kFault, 2, 1);
  const Outcome outcome = client_.Transfer({WriteTar(kRam), WriteDrw(1), WriteDrw(2)});
  EXPECT_EQ(outcome.count, 1u);
  EXPECT_EQ(outcome.ack, 4u);
  EXPECT_EQ(client_.Read(kReadCtrlStat) & 0x20u, 0x20u);
  EXPECT_EQ(client_.Transfer({WriteAbort(4), WriteDrw(1)}).ack, 1u);
}

TEST_F(CmsisDapTest, InjectedNoAckLastsUntilALineReset) {
  client_.Attach();
  faults().Arm(TransferFault::kNoAck, 1, 1);
  EXPECT_EQ(client_.Transfer({WriteTar(kRam)}).ack, 7u);
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, 7u);
  client_.LineReset();
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, 1u);
}

TEST_F(CmsisDapTest, WriteAbortClearsSticky) {
  client_.Attach();
  client_.Transfer({WriteTar(kUnmapped), WriteDrw(1)});
  EXPECT_EQ(client_.Command({0x08, 0, 0x1E, 0, 0, 0}), (Bytes{0x08, 0}));
  EXPECT_EQ(client_.Transfer({WriteTar(kRam)}).ack, 1u);
}

TEST_F(CmsisDapTest, ExecuteRunsAList) {
  EXPECT_EQ(client_.Command({0x7F, 3, 0x02, 1, 0x00, 0xFE, 0x0A}), (Bytes{0x7F, 3, 0x02, 1, 0x00, 1, 4, 0x0A, 0, 0}));
  EXPECT_EQ(client_.Command({0x7F, 2, 0x7F, 0, 0x0A}), (Bytes{0x7F, 2, 0xFF}));
}

TEST_F(CmsisDapTest, QueuedListsRunWithTheNextPacketOfAnotherKind) {
  Device& device = client_.board.device();
  EXPECT_TRUE(device.Process(Bytes{0x7E, 1, 0x02, 1}).empty());
  EXPECT_FALSE(device.pins().connected());
  EXPECT_TRUE(device.Process(Bytes{0x7E, 1, 0x11, 0, 1, 0, 0}).empty());
  const std::span<const Reply> replies = device.Process(Bytes{0x00, 0xFE});
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_EQ(Bytes(replies[0].bytes().begin(), replies[0].bytes().end()), (Bytes{0x7F, 1, 0x02, 1}));
  EXPECT_EQ(Bytes(replies[1].bytes().begin(), replies[1].bytes().end()), (Bytes{0x7F, 1, 0x11, 0}));
  EXPECT_EQ(Bytes(replies[2].bytes().begin(), replies[2].bytes().end()), (Bytes{0x00, 1, 4}));
}

TEST_F(CmsisDapTest, FullQueueRuns) {
  Device& device = client_.board.device();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(device.Process(Bytes{0x7E, 0}).empty());
  EXPECT_EQ(device.Process(Bytes{0x7E, 0}).size(), 4u);
}

TEST_F(CmsisDapTest, AbortHasNoReply) { EXPECT_TRUE(client_.board.device().Process(Bytes{0x07}).empty()); }

TEST_F(CmsisDapTest, UnpluggingForgetsSettingsAndKeepsTheTarget) {
  client_.Attach();
  client_.Command({0x04, 0, 0, 0, 0, 0});  // no retries
  client_.Transfer({WriteTar(kRam), WriteDrw(0x5A5A5A5A)});
  client_.Command({0x10, 0x00, 0x80, 0, 0, 0, 0});
  client_.board.device().Unplug();
  EXPECT_FALSE(client_.board.device().pins().connected());
  EXPECT_FALSE(client_.board.chip().processor().held());
  EXPECT_EQ(Memory(kRam), 0x5A5A5A5Au);
  client_.Connect();
  faults().Arm(TransferFault::kWait, 1, 1);
  EXPECT_EQ(client_.Transfer({WriteTar(kRam)}).ack, 1u);
}

TEST(FaultScheduleTest, FaultsCoverTheOperationsTheyAreArmedFor) {
  FaultSchedule<int> schedule;
  schedule.Next();
  schedule.Arm(7, 2, 2);
  schedule.Arm(8, 3, 2);
  EXPECT_EQ(schedule.Next(), std::nullopt);
  EXPECT_EQ(schedule.Next(), 7);
  EXPECT_EQ(schedule.Next(), 7);
  EXPECT_EQ(schedule.Next(), 8);
  EXPECT_EQ(schedule.Next(), std::nullopt);
  EXPECT_EQ(schedule.operations(), 6u);
  schedule.Arm(9, 1, 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(schedule.Next(), 9);
  schedule.Clear();
  EXPECT_EQ(schedule.Next(), std::nullopt);
}

}  // namespace
}  // namespace probegate::sim
