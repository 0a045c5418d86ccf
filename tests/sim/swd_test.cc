#include <bit>

#include "gtest/gtest.h"
#include "probe_client.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kDpidr = 0x2BA01477;
constexpr unsigned kNoAck = 7;
constexpr uint32_t kStickyOrun = 1u << 1;
constexpr uint32_t kStickyErr = 1u << 5;
constexpr uint32_t kWdataErr = 1u << 7;
constexpr uint32_t kUnmapped = 0x30000000;

class SwdTest : public testing::Test {
 protected:
  SwdTest() { client_.Connect(); }
  WireMode mode() { return client_.board.chip().pins().mode(); }
  bool Answers() {
    const Outcome outcome = client_.Transfer({kReadDpidr});
    return outcome.ack == 1 && outcome.words == std::vector<uint32_t>{kDpidr};
  }
  void Fault() { client_.Transfer({WriteTar(kUnmapped), WriteDrw(1)}); }

  ProbeClient client_;
};

TEST_F(SwdTest, IsSilentInJtag) {
  client_.LineReset();
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, kNoAck);
  EXPECT_EQ(mode(), WireMode::kJtag);
}

TEST_F(SwdTest, JtagToSwdWakesIt) {
  client_.JtagToSwd();
  EXPECT_TRUE(Answers());
}

TEST_F(SwdTest, JtagToSwdNeedsFiftyOnesBefore) {
  client_.Zeros(8);
  client_.Ones(49);
  client_.Sequence(16, {0x9E, 0xE7});
  EXPECT_EQ(mode(), WireMode::kJtag);
  client_.Zeros(1);
  client_.Ones(50);
  client_.Sequence(16, {0x9E, 0xE7});
  EXPECT_EQ(mode(), WireMode::kSwd);
}

TEST_F(SwdTest, AnswersOnlyAfterALineReset) {
  client_.Ones(56);
  client_.Sequence(16, {0x9E, 0xE7});
  client_.Zeros(8);
  EXPECT_FALSE(Answers());
  client_.LineReset();
  EXPECT_TRUE(Answers());
}

TEST_F(SwdTest, LineResetNeedsFiftyOnesAndTwoZeros) {
  client_.JtagToSwd();
  client_.Zeros(1);
  client_.Ones(50);
  client_.Zeros(1);
  EXPECT_FALSE(Answers());
  client_.Ones(50);
  client_.Zeros(2);
  EXPECT_TRUE(Answers());
}

TEST_F(SwdTest, FortyNineOnesAreNotALineReset) {
  client_.JtagToSwd();
  client_.Transfer({kReadRdbuff});  // not DPIDR: locks
  client_.Zeros(1);
  client_.Ones(49);
  client_.Zeros(2);
  EXPECT_FALSE(Answers());
}

TEST_F(SwdTest, FirstRequestMustReadDpidr) {
  client_.JtagToSwd();
  EXPECT_EQ(client_.Transfer({kReadCtrlStat}).ack, kNoAck);
  EXPECT_FALSE(Answers());
  client_.LineReset();
  EXPECT_TRUE(Answers());
  EXPECT_EQ(client_.Transfer({kReadCtrlStat}).ack, 1u);
}

TEST_F(SwdTest, SwdToJtagAndBack) {
  client_.JtagToSwd();
  client_.Ones(50);
  client_.Sequence(16, {0x3C, 0xE7});
  EXPECT_EQ(mode(), WireMode::kJtag);
  EXPECT_FALSE(Answers());
  client_.JtagToSwd();
  EXPECT_TRUE(Answers());
}

TEST_F(SwdTest, DormantEndsOnlyWithTheAlertAndAnActivationCode) {
  const Bytes alert = {0x92, 0xF3, 0x09, 0x62, 0x95, 0x2D, 0x85, 0x86, 0xE9, 0xAF, 0xDD, 0xE3, 0xA2, 0x0E, 0xBC, 0x19};
  client_.JtagToSwd();
  client_.Ones(50);
  client_.Sequence(16, {0xBC, 0xE3});
  EXPECT_EQ(mode(), WireMode::kDormant);
  client_.JtagToSwd();
  EXPECT_EQ(mode(), WireMode::kDormant);

  client_.Ones(8);
  client_.Sequence(128, alert);
  client_.Sequence(12, {0xF0, 0x0F});  // an unknown code
  EXPECT_EQ(mode(), WireMode::kDormant);

  client_.Ones(8);
  client_.Sequence(128, alert);
  client_.Sequence(12, {0xA0, 0x01});  // four zeros, 0x1A
  EXPECT_EQ(mode(), WireMode::kSwd);
  client_.LineReset();
  EXPECT_TRUE(Answers());
}

TEST_F(SwdTest, JtagToDormant) {
  client_.Ones(5);
  client_.Sequence(31, {0xBA, 0xBB, 0xBB, 0x33});
  EXPECT_EQ(mode(), WireMode::kDormant);
}

// Uses DAP_SWD_Sequence to make the same transfer as DAP_Transfer: request, turnaround and acknowledge, data and
// parity.
TEST_F(SwdTest, SequencesDriveTheSameWire) {
  client_.JtagToSwd();
  const Bytes reply = client_.Command({0x1D, 3, 8, 0xA5, 0x80 | 4, 0x80 | 34});
  ASSERT_EQ(reply.size(), 2u + 1 + 5);
  EXPECT_EQ(reply[2] >> 1, 1);
  EXPECT_EQ(Word(reply, 3), kDpidr);
  EXPECT_EQ(reply[7] & 1, std::popcount(kDpidr) % 2);
  EXPECT_TRUE(Answers());
}

TEST_F(SwdTest, BadRequestParityLocksUntilLineReset) {
  client_.JtagToSwd();
  ASSERT_TRUE(Answers());
  const Bytes reply = client_.Command({0x1D, 2, 8, 0x85, 0x80 | 37});
  EXPECT_EQ(reply[2], 0xFF);
  EXPECT_FALSE(Answers());
  client_.LineReset();
  EXPECT_TRUE(Answers());
}

TEST_F(SwdTest, BadDataParitySetsWdataErrAndWritesNothing) {
  client_.Attach();
  // SELECT = 0x01000000 with parity 0.
  client_.Command({0x1D, 4, 8, 0xB1, 0x80 | 5, 32, 0x00, 0x00, 0x00, 0x01, 1, 0x00});
  EXPECT_EQ(client_.Read(kReadCtrlStat) & kWdataErr, kWdataErr);
  EXPECT_EQ(client_.board.chip().debug_port().select(), 0u);
  EXPECT_EQ(client_.Transfer({WriteSelect(0)}).ack, 4u);
  EXPECT_EQ(client_.Transfer({WriteAbort(0x8), WriteSelect(0)}).ack, 1u);
}

TEST_F(SwdTest, PowerUpIsAcknowledgedAndNeededForTheAp) {
  client_.JtagToSwd();
  client_.Transfer({kReadDpidr});
  EXPECT_EQ(client_.Transfer({kReadDrw}).ack, 4u);
  client_.Transfer({WriteAbort(0x4), WriteCtrlStat(0x10000000)});
  EXPECT_EQ(client_.Read(kReadCtrlStat) & 0xF0000000u, 0x30000000u);
  EXPECT_EQ(client_.Transfer({WriteTar(0x20000000), kReadDrw}).ack, 1u);
  client_.Transfer({WriteCtrlStat(0)});
  EXPECT_EQ(client_.Read(kReadCtrlStat) & 0xF0000000u, 0u);
}

TEST_F(SwdTest, StickyErrorBlocksAllButThreeRegisters) {
  client_.Attach();
  Fault();
  for (const Op& op :
       {kReadDrw, WriteDrw(1), WriteTar(0), kReadRdbuff, kReadResend, WriteSelect(0), WriteCtrlStat(0)}) {
    EXPECT_EQ(client_.Transfer({op}).ack, 4u) << int{op.request};
  }
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, 1u);
  EXPECT_EQ(client_.Read(kReadCtrlStat) & kStickyErr, kStickyErr);
  EXPECT_EQ(client_.Transfer({WriteAbort(0x1A)}).ack, 4u);  // clears other flags; the check by RDBUFF still faults
  EXPECT_EQ(client_.Transfer({WriteAbort(0x4)}).ack, 1u);
  EXPECT_EQ(client_.Read(kReadCtrlStat) & kStickyErr, 0u);
  EXPECT_EQ(client_.Transfer({WriteTar(0x20000000), kReadDrw}).ack, 1u);
}

TEST_F(SwdTest, FaultShowsOnTheNextTransfer) {
  client_.Attach();
  const Outcome writes = client_.Transfer({WriteTar(kUnmapped), WriteDrw(1), WriteDrw(2), WriteDrw(3)});
  EXPECT_EQ(writes.count, 2u);
  EXPECT_EQ(writes.ack, 4u);
}

TEST_F(SwdTest, ReadsArePosted) {
  client_.Attach();
  client_.Transfer({WriteTar(0x20000000), WriteDrw(0x11111111), WriteDrw(0x22222222), WriteTar(0x20000000)});
  client_.Transfer({kReadDrw});
  // A single AP read of DRW returns the previous word. Then RDBUFF has the current one, and RESEND repeats the value
  // that was returned last.
  const Bytes reply = client_.Command({0x1D, 3, 8, 0x9F, 0x80 | 4, 0x80 | 34});
  EXPECT_EQ(reply[2] >> 1, 1);
  EXPECT_EQ(Word(reply, 3), 0x11111111u);
  EXPECT_EQ(client_.Read(kReadResend), 0x11111111u);
  EXPECT_EQ(client_.Read(kReadRdbuff), 0x22222222u);
  EXPECT_EQ(client_.Read(kReadResend), 0x22222222u);
}

TEST_F(SwdTest, SelectsDpBanksAndAps) {
  client_.Attach();
  client_.Transfer({WriteSelect(1), {0x4, 0x100}});  // DLCR: turnaround of two clocks, from the next transfer on
  client_.Command({0x13, 1});
  client_.LineReset();
  EXPECT_EQ(client_.Transfer({kReadDpidr, WriteSelect(1), kReadCtrlStat}).words,
            (std::vector<uint32_t>{kDpidr, 0x100}));
  client_.Transfer({WriteSelect(0)});
  EXPECT_EQ(client_.Read(kReadCtrlStat) & 0xF0000000u, 0xF0000000u);
  client_.Transfer({WriteSelect(0x000000F0)});
  EXPECT_EQ(client_.Read({0xF}), 0x24770011u);
  client_.Transfer({WriteSelect(0x010000F0)});
  EXPECT_EQ(client_.Read({0xF}), 0x02880000u);
  client_.Transfer({WriteSelect(0x020000F0)});
  EXPECT_EQ(client_.Read({0xF}), 0u);
}

TEST_F(SwdTest, LineResetClearsOnlyTheDpBank) {
  client_.Attach();
  client_.Transfer({WriteSelect(0x010000F1)});
  client_.LineReset();
  EXPECT_EQ(client_.board.chip().debug_port().select(), 0x010000F0u);
  EXPECT_TRUE(Answers());
  EXPECT_EQ(client_.Read(kReadCtrlStat) & 0xF0000000u, 0xF0000000u);
}

TEST_F(SwdTest, OverrunDetectionAlwaysHasADataPhase) {
  client_.Attach();
  client_.Command({0x13, 4});
  client_.Transfer({WriteCtrlStat(kPowerUp | 1)});
  Fault();
  EXPECT_EQ(client_.Transfer({kReadDrw}).ack, 4u);
  EXPECT_EQ(client_.Transfer({WriteDrw(0)}).ack, 4u);
  EXPECT_EQ(client_.Read(kReadCtrlStat) & (kStickyErr | kStickyOrun), kStickyErr | kStickyOrun);
  EXPECT_EQ(client_.Transfer({WriteAbort(0x4)}).ack, 4u);
  EXPECT_EQ(client_.Transfer({WriteAbort(0x14), WriteTar(0x20000000), kReadDrw}).ack, 1u);
}

TEST_F(SwdTest, PinsClockTheWireToo) {
  client_.JtagToSwd();
  ASSERT_TRUE(Answers());
  // After a start bit by hand, the bits that follow are not a valid request.
  for (const uint8_t pins : {0x02, 0x03}) client_.Command({0x10, pins, 0x03, 0, 0, 0, 0});
  EXPECT_FALSE(Answers());
}

}  // namespace
}  // namespace probegate::sim
