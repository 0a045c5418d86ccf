// The JTAG-DP, driven by the probe's JTAG commands and by single clocks (IEEE 1149.1, ADIv5.2 §B3).
#include <string_view>

#include "gtest/gtest.h"
#include "probe_client.h"
#include "sim/jtag/tap_state.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kIdcode = 0x4BA00477;
constexpr uint32_t kDpidr = 0x2BA01477;
constexpr uint32_t kUnmapped = 0x60000000;
constexpr uint32_t kStickyOrun = 1u << 1;
constexpr uint32_t kStickyErr = 1u << 5;
constexpr uint32_t kPowered = 0xF0000000;
constexpr unsigned kOk = 1;
constexpr unsigned kWait = 2;
constexpr unsigned kNoAck = 7;

constexpr uint8_t kBypass = 0xF;
constexpr uint8_t kDpacc = 0xA;

TEST(Tap, FiveOnesLeadToTestLogicResetFromAnywhere) {
  for (unsigned from = 0; from < 16; ++from) {
    TapState state = static_cast<TapState>(from);
    for (int i = 0; i < 5; ++i) state = NextTapState(state, true);
    EXPECT_EQ(state, TapState::kTestLogicReset) << from;
  }
}

// These paths lead through all states, as in figure 6-1.
TEST(Tap, MovesAsInTheStandard) {
  using enum TapState;
  struct Path {
    std::string_view tms;
    TapState end;
  };
  const Path paths[] = {
      {"0", kRunTestIdle},       {"000", kRunTestIdle},    {"01000", kShiftDr},        {"0101", kExit1Dr},
      {"0100100", kPauseDr},     {"01001010", kShiftDr},   {"01001011", kUpdateDr},    {"0100111", kSelectDr},
      {"0100110", kRunTestIdle}, {"011000", kShiftIr},     {"01101", kExit1Ir},        {"01100100", kPauseIr},
      {"011001010", kShiftIr},   {"011001011", kUpdateIr}, {"01100110", kRunTestIdle}, {"0111", kTestLogicReset},
  };
  for (const Path& path : paths) {
    TapState state = kTestLogicReset;
    for (const char tms : path.tms) state = NextTapState(state, tms == '1');
    EXPECT_EQ(state, path.end) << path.tms;
  }
}

class JtagTest : public testing::Test {
 protected:
  JtagTest() {
    EXPECT_EQ(client_.Command({0x02, 2}), (Bytes{0x02, 2}));
    EXPECT_EQ(client_.Command({0x15, 1, 4}), (Bytes{0x15, 0}));
    TapReset();
  }

  void TapReset() {
    client_.Ones(8);
    client_.Zeros(1);
  }
  SwjDp& pins() { return client_.board.chip().pins(); }
  WireMode mode() { return pins().mode(); }
  FaultSchedule<TransferFault>& faults() { return client_.board.device().transfers().faults(); }

  // Makes a scan by single clocks: from Run-Test/Idle along `path`, then `bits` bits, and back. Returns the bits that
  // came out, the first in bit 0.
  uint64_t Scan(std::initializer_list<bool> path, unsigned bits, uint64_t in) {
    for (const bool tms : path) pins().ClockJtag(tms, true);
    uint64_t out = 0;
    for (unsigned i = 0; i < bits; ++i) {
      out |= uint64_t{pins().ClockJtag(i + 1 == bits, (in >> i & 1) != 0)} << i;
    }
    pins().ClockJtag(true, true);
    pins().ClockJtag(false, true);
    return out;
  }
  uint64_t ScanIr(uint8_t instruction) { return Scan({true, true, false, false}, 4, instruction); }
  uint64_t ScanDr(unsigned bits, uint64_t in) { return Scan({true, false, false}, bits, in); }

  Bytes Idcode(uint8_t device) { return client_.Command({0x16, device}); }
  bool Answers() { return client_.Read(kReadDpidr) == kDpidr; }
  void PowerUp() { client_.Transfer({WriteCtrlStat(kPowerUp), WriteSelect(0), WriteCsw(kCsw32)}); }

  ProbeClient client_;
};

TEST_F(JtagTest, IdcodeIsSelectedByTestLogicReset) {
  EXPECT_EQ(ScanDr(32, 0), kIdcode);
  EXPECT_EQ(ScanIr(kBypass), 0b0001u);
  EXPECT_EQ(ScanDr(9, 0b1'0110'0111), 0b0'1100'1110u);  // one clock later
  TapReset();
  EXPECT_EQ(ScanDr(32, 0), kIdcode);
}

TEST_F(JtagTest, UnknownInstructionsAreBypass) {
  for (const uint8_t instruction : {0x0, 0x1, 0x9, 0xC, 0xD}) {
    ScanIr(instruction);
    EXPECT_EQ(ScanDr(4, 0b0101), 0b1010u) << unsigned{instruction};
  }
}

TEST_F(JtagTest, AScanReturnsTheResultOfThePreviousOne) {
  ScanIr(kDpacc);
  constexpr uint64_t kReadDpidrScan = 0b001;
  constexpr uint64_t kReadRdbuffScan = 0b111;
  EXPECT_EQ(ScanDr(35, kReadDpidrScan) & 7, 0b010u);
  EXPECT_EQ(ScanDr(35, kReadRdbuffScan), uint64_t{kDpidr} << 3 | 0b010);
  EXPECT_EQ(ScanDr(35, kReadRdbuffScan), 0b010u);  // RDBUFF is zero
}

TEST_F(JtagTest, TdoFloatsHighOutsideOfShiftStates) {
  EXPECT_TRUE(pins().tdo());
  for (const bool tms : {true, false, false}) EXPECT_TRUE(pins().ClockJtag(tms, true));
  pins().ClockJtag(false, true);  // IDCODE's lowest bits are 111
  for (int i = 0; i < 2; ++i) pins().ClockJtag(false, true);
  EXPECT_FALSE(pins().tdo());
}

TEST_F(JtagTest, DapJtagIdcode) {
  EXPECT_EQ(Idcode(0), (Bytes{0x16, 0, 0x77, 0x04, 0xA0, 0x4B}));
  EXPECT_EQ(Idcode(1), (Bytes{0x16, 0xFF, 0, 0, 0, 0}));
  client_.Connect();  // SWD
  EXPECT_EQ(Idcode(0)[1], 0xFF);
}

TEST_F(JtagTest, DapJtagConfigureDefinesTheChain) {
  EXPECT_EQ(client_.Command({0x15, 9, 4, 4, 4, 4, 4, 4, 4, 4, 4}), (Bytes{0x15, 0xFF}));
  EXPECT_EQ(client_.Command({0x15, 2, 4}), (Bytes{0xFF}));  // cut short
  EXPECT_EQ(client_.Command({0x15, 0}), (Bytes{0x15, 0}));
  EXPECT_EQ(client_.Command(ProbeClient::TransferPacket({kReadDpidr})), (Bytes{0x05, 0, 0}));
  EXPECT_EQ(client_.Command({0x08, 0, 4, 0, 0, 0}), (Bytes{0x08, 0xFF}));
}

// There is one device, but the chain is configured with two. If the second is addressed, the device's first bit is
// taken for the bypass bit of the other.
TEST_F(JtagTest, OtherDevicesOfTheChainAreSkipped) {
  client_.Command({0x15, 2, 4, 4});
  EXPECT_EQ(Word(Idcode(1), 2), kIdcode >> 1 | 0x80000000u);
  EXPECT_EQ(Word(Idcode(0), 2) & 1, 0u);  // it was given BYPASS
}

TEST_F(JtagTest, DapJtagSequenceIsExactToTheBit) {
  // Three cycles lead to Shift-DR. IDCODE comes out in 24, 7 and 1 cycles, the last with TMS high.
  EXPECT_EQ(client_.Command({0x14, 5, 0x41, 1, 0x02, 3, 0x98, 0, 0, 0, 0x87, 0, 0xC1, 0}),
            (Bytes{0x14, 0, 0x77, 0x04, 0xA0, 0x4B, 0x00}));
  EXPECT_EQ(client_.Command({0x14, 1, 0x80}), (Bytes{0xFF}));  // 64 cycles, but no bits for them
  EXPECT_EQ(client_.Command({0x14, 0}), (Bytes{0x14, 0}));
  client_.Connect();
  EXPECT_EQ(client_.Command({0x14, 1, 0x81, 1}), (Bytes{0x14, 0xFF, 0x01}));
}

TEST_F(JtagTest, DapSwdSequenceIsRefused) { EXPECT_EQ(client_.Command({0x1D, 1, 0x88})[1], 0xFF); }

TEST_F(JtagTest, PinsMoveTheTap) {
  const auto clock = [&](bool tms) {
    const auto pins = static_cast<uint8_t>((tms ? 0x02 : 0) | 0x04);
    client_.Command({0x10, pins, 0x07, 0, 0, 0, 0});
    return (client_.Command({0x10, static_cast<uint8_t>(pins | 1), 0x07, 0, 0, 0, 0})[1] & 0x08) != 0;
  };
  for (const bool tms : {true, false, false}) clock(tms);
  uint32_t idcode = 0;
  for (unsigned bit = 0; bit < 32; ++bit) {
    const Bytes reply = client_.Command({0x10, 0, 0, 0, 0, 0, 0});
    idcode |= static_cast<uint32_t>((reply[1] & 0x08) != 0) << bit;
    clock(false);
  }
  EXPECT_EQ(idcode, kIdcode);
}

TEST_F(JtagTest, TransfersReadAndWriteMemory) {
  PowerUp();
  const Outcome outcome =
      client_.Transfer({WriteTar(Chip::kRamBase), WriteDrw(0x11), WriteDrw(0x22), WriteTar(Chip::kRamBase), kReadDrw,
                        kReadDrw, kReadCtrlStat, kReadDpidr, kReadRdbuff});
  EXPECT_EQ(outcome.count, 9u);
  EXPECT_EQ(outcome.ack, kOk);
  ASSERT_EQ(outcome.words.size(), 5u);
  EXPECT_EQ(outcome.words[0], 0x11u);
  EXPECT_EQ(outcome.words[1], 0x22u);
  EXPECT_EQ(outcome.words[2] & kPowered, kPowered);
  EXPECT_EQ(outcome.words[3], kDpidr);
  EXPECT_EQ(outcome.words[4], 0u);
}

TEST_F(JtagTest, BlocksReadAndWriteMemory) {
  PowerUp();
  client_.Transfer({WriteTar(Chip::kRamBase)});
  EXPECT_EQ(client_.Command({0x06, 0, 2, 0, 0x0D, 1, 0, 0, 0, 2, 0, 0, 0}), (Bytes{0x06, 2, 0, 1}));
  client_.Transfer({WriteTar(Chip::kRamBase)});
  EXPECT_EQ(client_.Command({0x06, 0, 2, 0, 0x0F}), (Bytes{0x06, 2, 0, 1, 1, 0, 0, 0, 2, 0, 0, 0}));
}

// JTAG has no FAULT: an access that is discarded is acknowledged like any other.
TEST_F(JtagTest, AfterAFailureAccessesToApsAreDiscarded) {
  PowerUp();
  client_.Transfer({WriteTar(Chip::kRamBase), WriteDrw(0x11)});
  EXPECT_EQ(client_.Transfer({WriteTar(kUnmapped), WriteDrw(1), WriteTar(Chip::kRamBase), WriteDrw(0x22)}).ack, kOk);
  EXPECT_EQ(client_.board.chip().bus().Read(Chip::kRamBase, 4), 0x11u);
  EXPECT_EQ(client_.Read(kReadCtrlStat) & kStickyErr, kStickyErr);
  EXPECT_TRUE(Answers());
}

TEST_F(JtagTest, FlagsAreClearedByOnesInCtrlStatAndByAbort) {
  PowerUp();
  const auto fail = [&] {
    client_.Transfer({WriteTar(kUnmapped), WriteDrw(1)});
    return (client_.Read(kReadCtrlStat) & kStickyErr) != 0;
  };
  ASSERT_TRUE(fail());
  client_.Transfer({WriteCtrlStat(kPowerUp)});
  EXPECT_EQ(client_.Read(kReadCtrlStat) & kStickyErr, kStickyErr);
  client_.Transfer({WriteCtrlStat(kPowerUp | kStickyErr | kStickyOrun)});
  EXPECT_EQ(client_.Read(kReadCtrlStat), kPowered);
  ASSERT_TRUE(fail());
  client_.Transfer({WriteAbort(0x1E)});  // DPACC has no ABORT
  EXPECT_EQ(client_.Read(kReadCtrlStat) & kStickyErr, kStickyErr);
  EXPECT_EQ(client_.Command({0x08, 0, 0x1E, 0, 0, 0}), (Bytes{0x08, 0}));
  EXPECT_EQ(client_.Read(kReadCtrlStat), kPowered);
}

TEST_F(JtagTest, AnAccessWithoutPowerIsAFailure) {
  client_.Transfer({WriteSelect(0), WriteCsw(kCsw32)});
  EXPECT_EQ(client_.Read(kReadCtrlStat), kStickyErr);
}

TEST_F(JtagTest, AMatchStopsAtAFlag) {
  PowerUp();
  const Op mask{0x20, kStickyErr};
  const Op no_flag{0x16, 0};
  EXPECT_EQ(client_.Transfer({mask, WriteTar(Chip::kRamBase), no_flag, WriteDrw(1), no_flag}).ack, kOk);
  const Outcome outcome = client_.Transfer({mask, WriteTar(kUnmapped), WriteDrw(1), no_flag, WriteSelect(1)});
  EXPECT_EQ(outcome.count, 3u);
  EXPECT_EQ(outcome.ack, kOk | 0x10u);
  EXPECT_EQ(client_.board.chip().debug_port().select(), 0u);
}

TEST_F(JtagTest, WaitIsRetriedAndThenReported) {
  faults().Arm(TransferFault::kWait, 2, 5);
  EXPECT_EQ(client_.Transfer({kReadDpidr, kReadDpidr}).words, (std::vector<uint32_t>{kDpidr, kDpidr}));
  faults().Arm(TransferFault::kWait, 2, 0);
  const Outcome outcome = client_.Transfer({WriteSelect(0xF0), WriteSelect(0), kReadDpidr});
  EXPECT_EQ(outcome.count, 1u);
  EXPECT_EQ(outcome.ack, kWait);
  EXPECT_EQ(client_.board.chip().debug_port().select(), 0xF0u);
}

TEST_F(JtagTest, NoiseSilencesItUntilTestLogicReset) {
  faults().Arm(TransferFault::kNoAck, 1, 1);
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, kNoAck);
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, kNoAck);
  TapReset();
  EXPECT_TRUE(Answers());
}

// --- Switching (ADIv5.2 §B5.3)

TEST_F(JtagTest, SwitchesToSwdAndBack) {
  client_.JtagToSwd();
  EXPECT_EQ(mode(), WireMode::kSwd);
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, kNoAck);
  TapReset();
  EXPECT_FALSE(Answers());
  client_.Ones(56);
  client_.Sequence(16, {0x3C, 0xE7});
  EXPECT_EQ(mode(), WireMode::kJtag);
  TapReset();
  EXPECT_TRUE(Answers());
}

TEST_F(JtagTest, SwitchesToDormantAndBack) {
  client_.Ones(5);
  client_.Sequence(31, {0xBA, 0xBB, 0xBB, 0x33});
  EXPECT_EQ(mode(), WireMode::kDormant);
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, kNoAck);
  client_.Ones(8);
  client_.Sequence(128,
                   {0x92, 0xF3, 0x09, 0x62, 0x95, 0x2D, 0x85, 0x86, 0xE9, 0xAF, 0xDD, 0xE3, 0xA2, 0x0E, 0xBC, 0x19});
  client_.Sequence(12, {0xA0, 0x00});
  EXPECT_EQ(mode(), WireMode::kJtag);
  TapReset();
  EXPECT_TRUE(Answers());
}

}  // namespace
}  // namespace probegate::sim
