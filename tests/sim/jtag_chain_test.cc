// Several TAPs in one chain: as single clocks, and as the probe's JTAG commands see them (IEEE 1149.1, CMSIS-DAP 2.1).
#include <stdexcept>
#include <string>

#include "gtest/gtest.h"
#include "probe_client.h"
#include "sim/jtag/chain_text.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kIdcode = 0x4BA00477;
constexpr uint32_t kBoundaryScan = 0x06413041;
constexpr uint32_t kDpidr = 0x2BA01477;
constexpr unsigned kNoAck = 7;

// A board whose chain is `text`, with the probe connected for JTAG and the TAPs in Run-Test/Idle.
struct ChainClient : ProbeClient {
  explicit ChainClient(const std::string& text)
      : ProbeClient{.board = Board(0, 1, "T", {}, {.other_taps = ParseJtagChain(text)})} {
    Command({0x02, 2});
    TapReset();
  }

  void TapReset() {
    Ones(8);
    Zeros(1);
  }
  Bytes Configure(Bytes ir_lengths) {
    Bytes packet = {0x15, static_cast<uint8_t>(ir_lengths.size())};
    packet.insert(packet.end(), ir_lengths.begin(), ir_lengths.end());
    return Command(packet);
  }
  Bytes TransferTo(uint8_t device, const std::vector<Op>& ops) {
    Bytes packet = TransferPacket(ops);
    packet[1] = device;
    return Command(packet);
  }
  uint32_t IdcodeOf(uint8_t device) { return Word(Command({0x16, device}), 2); }

  // From Run-Test/Idle along `path`, then `bits` bits of `in`, and back. Returns what came out, the first in bit 0.
  uint64_t Scan(std::initializer_list<bool> path, unsigned bits, uint64_t in) {
    SwjDp& pins = board.chip().pins();
    for (const bool tms : path) pins.ClockJtag(tms, true);
    uint64_t out = 0;
    for (unsigned i = 0; i < bits; ++i) {
      out |= uint64_t{pins.ClockJtag(i + 1 == bits, (in >> i & 1) != 0)} << i;
    }
    pins.ClockJtag(true, true);
    pins.ClockJtag(false, true);
    return out;
  }
  uint64_t ScanIr(unsigned bits, uint64_t in) { return Scan({true, true, false, false}, bits, in); }
  uint64_t ScanDr(unsigned bits, uint64_t in) { return Scan({true, false, false}, bits, in); }
};

TEST(JtagChain, TheFirstTapIsNextToTdo) {
  EXPECT_EQ(ChainClient("dap,5:0x06413041").ScanDr(64, 0), uint64_t{kBoundaryScan} << 32 | kIdcode);
  EXPECT_EQ(ChainClient("5:0x06413041,dap").ScanDr(64, 0), uint64_t{kIdcode} << 32 | kBoundaryScan);
}

TEST(JtagChain, ATapWithoutIdcodeHasOneZeroBit) {
  EXPECT_EQ(ChainClient("7,dap").ScanDr(33, 0), uint64_t{kIdcode} << 1);
  EXPECT_EQ(ChainClient("dap,7,7").ScanDr(40, ~uint64_t{0}) >> 32, 0b1111'1100u);
}

TEST(JtagChain, InstructionRegistersAreInOneRow) {
  ChainClient client("5:0x06413041,dap,10");
  EXPECT_EQ(client.ScanIr(25, ~uint64_t{0}) & ((1u << 25) - 1), 0b11'1111 << 19 | 1u << 9 | 1u << 5 | 1u);
  EXPECT_EQ(client.ScanDr(9, 0b1'0110'0111), 0b1'0011'1000u);  // BYPASS in all three
  client.ScanIr(19, (1u << 19) - 1 - 0b11110);                 // IDCODE, 00001, in the first one
  EXPECT_EQ(client.ScanDr(34, 0), kBoundaryScan);
  client.ScanIr(19, (1u << 19) - 1 - (1u << 5));  // IDCODE, 1110, in the debug port
  EXPECT_EQ(client.ScanDr(34, 0), uint64_t{kIdcode} << 1);
}

TEST(JtagChain, TransfersReachTheDeviceThatTheyName) {
  struct Row {
    std::string chain;
    Bytes ir_lengths;
    uint8_t dap;
  };
  const Row rows[] = {{"dap", {4}, 0},
                      {"dap,5:0x06413041", {4, 5}, 0},
                      {"5:0x06413041,dap", {5, 4}, 1},
                      {"6,dap,8:0x12345679", {6, 4, 8}, 1},
                      {"2,64,64,33,5,5,17,dap", {2, 64, 64, 33, 5, 5, 17, 4}, 7}};
  for (const Row& row : rows) {
    ChainClient client(row.chain);
    EXPECT_EQ(client.Configure(row.ir_lengths), (Bytes{0x15, 0}));
    EXPECT_EQ(client.IdcodeOf(row.dap), kIdcode) << row.chain;
    const std::vector<Op> ops = {
        kReadDpidr,           WriteCtrlStat(kPowerUp),  WriteSelect(0), WriteCsw(kCsw32), WriteTar(Chip::kRamBase),
        WriteDrw(0x11223344), WriteTar(Chip::kRamBase), kReadDrw};
    const Bytes read = client.TransferTo(row.dap, ops);
    ASSERT_EQ(read.size(), 11u) << row.chain;
    EXPECT_EQ(read[2], 1u) << row.chain;
    EXPECT_EQ(Word(read, 3), kDpidr) << row.chain;
    EXPECT_EQ(Word(read, 7), 0x11223344u) << row.chain;
    // DAP_TransferBlock and DAP_WriteABORT.
    client.TransferTo(row.dap, {WriteTar(Chip::kRamBase)});
    EXPECT_EQ(Word(client.Command({0x06, row.dap, 1, 0, 0x0F}), 4), 0x11223344u) << row.chain;
    client.TransferTo(row.dap, {WriteTar(0x60000000), WriteDrw(1)});
    EXPECT_EQ(Word(client.TransferTo(row.dap, {kReadCtrlStat}), 3) & 0x20, 0x20u);
    client.Command({0x08, row.dap, 0x1E, 0, 0, 0});
    EXPECT_EQ(Word(client.TransferTo(row.dap, {kReadCtrlStat}), 3) & 0x20, 0u) << row.chain;
  }
}

TEST(JtagChain, IdcodesOfAllDevices) {
  ChainClient client("5:0x06413041,dap,8:0x12345679");
  client.Configure({5, 4, 8});
  EXPECT_EQ(client.IdcodeOf(1), kIdcode);
  EXPECT_EQ(client.Command({0x16, 3})[1], 0xFF);
}

TEST(JtagChain, AWrongConfigurationReachesNothing) {
  ChainClient client("5:0x06413041,dap");
  // A wrong length of the TAP next to TDO alone may do no harm: the last bits that are shifted are the debug port's.
  for (const Bytes& ir_lengths : {Bytes{4}, Bytes{5, 4, 4}}) {
    client.Configure(ir_lengths);
    for (uint8_t device = 0; device < ir_lengths.size(); ++device) {
      const Bytes reply = client.TransferTo(device, {kReadDpidr, kReadDpidr});
      EXPECT_FALSE(reply[2] == 1 && Word(reply, 3) == kDpidr) << ir_lengths.size() << ", " << unsigned{device};
      client.TapReset();
    }
  }
}

TEST(JtagChain, NoiseSilencesAllTapsUntilTestLogicReset) {
  ChainClient client("5:0x06413041,dap");
  client.Configure({5, 4});
  client.board.device().transfers().faults().Arm(TransferFault::kNoAck, 1, 1);
  EXPECT_EQ(client.TransferTo(1, {kReadDpidr})[2], kNoAck);
  EXPECT_EQ(client.TransferTo(1, {kReadDpidr})[2], kNoAck);
  client.TapReset();
  EXPECT_EQ(Word(client.TransferTo(1, {kReadDpidr}), 3), kDpidr);
}

TEST(JtagChain, NoTapAnswersWhileThePinsAreInSwd) {
  ChainClient client("dap,5:0x06413041");
  client.JtagToSwd();
  EXPECT_EQ(client.ScanDr(64, 0), ~uint64_t{0});
  client.Ones(56);
  client.Sequence(16, {0x3C, 0xE7});
  client.TapReset();
  EXPECT_EQ(client.ScanDr(64, 0), uint64_t{kBoundaryScan} << 32 | kIdcode);
}

TEST(JtagChainText, NamesTheTapsFromTdoToTdi) {
  const OtherTaps taps = ParseJtagChain("5:0x06413041,dap,8,64:1");
  ASSERT_EQ(taps.before.size(), 1u);
  EXPECT_EQ(taps.before[0].instruction_bits, 5u);
  EXPECT_EQ(taps.before[0].idcode, kBoundaryScan);
  ASSERT_EQ(taps.after.size(), 2u);
  EXPECT_FALSE(taps.after[0].idcode);
  EXPECT_EQ(taps.after[1].instruction_bits, 64u);
  EXPECT_EQ(taps.after[1].idcode, 1u);
  EXPECT_TRUE(ParseJtagChain("dap").before.empty());
}

TEST(JtagChainText, RejectsWhatIsNoChain) {
  std::string many = "dap";
  for (int i = 0; i < 32; ++i) many += ",5";
  for (const std::string& text :
       {std::string(), std::string("5"), std::string("dap,dap"), std::string("dap,"), std::string("dap,1"),
        std::string("dap,65"), std::string("dap,five"), std::string("dap,5:"), std::string("dap,5:0x2"),
        std::string("dap,5:0x100000001"), std::string("dap,5:0xffffffff"), std::string("dap 5"), many}) {
    EXPECT_THROW(ParseJtagChain(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace probegate::sim
