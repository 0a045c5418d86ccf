// Each quirk at the packets that show it, and the table of quirks.
#include "sim/quirks.h"

#include <set>
#include <stdexcept>
#include <string>

#include "gtest/gtest.h"
#include "probe_client.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kRam = Chip::kRamBase;
constexpr uint8_t kResetPin = 0x80;
constexpr uint32_t kDebugPower = 1u << 29;
constexpr uint32_t kSystemPower = 1u << 31;

class QuirksTest : public testing::Test {
 protected:
  void TurnOn(const std::string& quirk) {
    std::vector<QuirkSetting> settings = client_.board.quirks();
    sim::TurnOn(ParseQuirk(quirk), settings);
    client_.board.SetQuirks(settings);
  }
  Bytes Info(uint8_t id) { return client_.Command({0x00, id}); }
  Bytes Clock(uint32_t hertz) {
    Bytes packet = {0x11};
    Append32(packet, hertz);
    return client_.Command(packet);
  }
  uint8_t DriveReset(bool high) {
    const uint8_t level = high ? kResetPin : 0;
    return client_.Command({0x10, level, kResetPin, 0, 0, 0, 0}).at(1) & kResetPin;
  }
  bool held() { return client_.board.chip().processor().held(); }
  // The acknowledge of a read of memory with this value in CSW.
  unsigned ReadWithCsw(uint32_t csw) {
    client_.Transfer({WriteAbort(0x1E), WriteCsw(csw), WriteTar(kRam)});
    return client_.Transfer({kReadDrw}).ack;
  }

  ProbeClient client_;
};

TEST_F(QuirksTest, ResetReadsAsTheQuirkSays) {
  client_.Connect();
  TurnOn("nreset-reads=0");
  EXPECT_EQ(DriveReset(true), 0);
  EXPECT_FALSE(held());
  TurnOn("nreset-reads=1");
  EXPECT_EQ(DriveReset(false), kResetPin);
  EXPECT_TRUE(held()) << "the pin itself moves";
  EXPECT_EQ(client_.Command({0x10, 0, 0, 0, 0, 0, 0}).at(1), 0x8F) << "other pins are read as they are";
}

TEST_F(QuirksTest, ResetIsNotDriven) {
  client_.Connect();
  DriveReset(false);
  ASSERT_TRUE(held());
  TurnOn("nreset-not-driven");
  EXPECT_FALSE(held());
  EXPECT_EQ(DriveReset(false), kResetPin);
  EXPECT_FALSE(held());
}

TEST_F(QuirksTest, InfoAnswersAsTheQuirkSays) {
  TurnOn("version=1.10");
  EXPECT_EQ(Info(4), (Bytes{0, 5, '1', '.', '1', '0', 0}));
  TurnOn("version=");
  EXPECT_EQ(Info(4), (Bytes{0, 0}));
  TurnOn("packet-count=255");
  EXPECT_EQ(Info(0xFE), (Bytes{0, 1, 255}));
  TurnOn("info=0xFF:40");
  EXPECT_EQ(Info(0xFF), (Bytes{0, 1, 0x40}));
  TurnOn("info=1:4dFC");
  EXPECT_EQ(Info(1), (Bytes{0, 2, 0x4D, 0xFC}));
  TurnOn("info=0xFE:");
  EXPECT_EQ(Info(0xFE), (Bytes{0, 0}));
  TurnOn("info-unknown=9");
  TurnOn("info-unknown=0xF0");
  EXPECT_EQ(Info(9), Bytes{0xFF});
  EXPECT_EQ(Info(0xF0), Bytes{0xFF});
  EXPECT_EQ(Info(2).at(0), 0) << "others are as before";
  EXPECT_EQ(client_.Command({0x00}), Bytes{0xFF}) << "without its argument it stays invalid";
}

TEST_F(QuirksTest, PacketsHaveTheSizeThatTheQuirkSays) {
  TurnOn("packet-size=64");
  EXPECT_EQ(Info(0xFF), (Bytes{0, 2, 64, 0}));
  client_.Attach();
  EXPECT_EQ(client_.Command({0x06, 0, 15, 0, 0x0F}).size(), 64u);
  EXPECT_EQ(client_.Command({0x06, 0, 16, 0, 0x0F}), Bytes{0xFF}) << "the reply would be longer";
  const auto delay_and_more = [](size_t size) {
    Bytes packet(size);
    packet[0] = 0x09;
    return packet;
  };
  EXPECT_EQ(client_.Command(delay_and_more(64)), (Bytes{0x09, 0}));
  EXPECT_EQ(client_.Command(delay_and_more(65)), Bytes{0xFF});
}

TEST_F(QuirksTest, CommandsAreRefusedOrFail) {
  struct Row {
    const char* quirk;
    Bytes request;
    Bytes reply;
  };
  const Row kRows[] = {
      {"refuse=HostStatus", {0x01, 0, 1}, {0xFF}},
      {"refuse=0x1d", {0x1D, 0}, {0xFF}},
      {"fail=dap_swd_configure", {0x13, 0}, {0x13, 0xFF}},
      {"fail=Connect", {0x02, 1}, {0x02, 0}},
      {"fail=TransferConfigure", {0x04, 0, 1, 0, 0, 0}, {0x04, 0xFF}},
      {"refuse=SWJ_Pins", {0x10, 0, 0x80, 0, 0, 0, 0}, {0xFF}},
      {"fail=ResetTarget", {0x0A}, {0x0A, 0xFF}},
  };
  client_.Connect();
  for (const Row& row : kRows) {
    EXPECT_NE(client_.Command(row.request), row.reply) << row.quirk;
    client_.Command({0x10, 0x80, 0x80, 0, 0, 0, 0});
    TurnOn(row.quirk);
    EXPECT_EQ(client_.Command(row.request), row.reply) << row.quirk;
    EXPECT_FALSE(held()) << row.quirk << ": nothing was done";
  }
}

TEST_F(QuirksTest, ACommandInAListFailsToo) {
  TurnOn("fail=HostStatus");
  EXPECT_EQ(client_.Command({0x7F, 2, 0x0A, 0x01, 0, 1}), (Bytes{0x7F, 2, 0x0A, 0, 0, 0x01, 0xFF}));
  TurnOn("refuse=HostStatus");
  EXPECT_EQ(client_.Command({0x7F, 2, 0x0A, 0x01, 0, 1}), (Bytes{0x7F, 2, 0x0A, 0, 0, 0xFF}));
}

TEST_F(QuirksTest, ClocksOutsideOfTheRangeFail) {
  TurnOn("clock=200000-500000");
  const auto& clock = [this] { return client_.board.device().pins().clock_hz(); };
  for (const uint32_t good : {200'000u, 400'000u, 500'000u}) {
    EXPECT_EQ(Clock(good), (Bytes{0x11, 0})) << good;
    EXPECT_EQ(clock(), good);
  }
  for (const uint32_t bad : {0u, 199'999u, 500'001u, 10'000'000u}) EXPECT_EQ(Clock(bad), (Bytes{0x11, 0xFF})) << bad;
  EXPECT_EQ(clock(), 500'000u);
}

TEST_F(QuirksTest, SystemPowerIsNeverAcknowledged) {
  TurnOn("no-system-power");
  client_.Attach();
  EXPECT_EQ(client_.Read(kReadCtrlStat) & (kDebugPower | kSystemPower), kDebugPower);
  EXPECT_EQ(ReadWithCsw(kCsw32), 1u);
}

TEST_F(QuirksTest, PowerIsAcknowledgedLate) {
  TurnOn("power-ack-delay=60000");
  client_.Attach();
  EXPECT_EQ(client_.Read(kReadCtrlStat) & (kDebugPower | kSystemPower), 0u);
  EXPECT_EQ(ReadWithCsw(kCsw32), 4u) << "an AP answers FAULT until then";
  TurnOn("power-ack-delay=0");
  EXPECT_EQ(client_.Read(kReadCtrlStat) & (kDebugPower | kSystemPower), kDebugPower | kSystemPower);
  EXPECT_EQ(ReadWithCsw(kCsw32), 1u);
}

TEST(PowerControlTest, AcknowledgesOnceTheDelayHasPassed) {
  using std::chrono::milliseconds;
  PowerControl::Time now{0};
  PowerControl power([&now] { return now; });
  power.set_quirks({.delay = milliseconds(20)});
  power.Request(PowerControl::kDebugRequest);
  now = milliseconds(10);
  power.Request(PowerControl::kRequests);
  EXPECT_EQ(power.acknowledges(), 0u);
  now = milliseconds(20);
  EXPECT_EQ(power.acknowledges(), kDebugPower) << "a request that is repeated does not begin again";
  now = milliseconds(30);
  EXPECT_EQ(power.acknowledges(), kDebugPower | kSystemPower);
  power.Request(PowerControl::kSystemRequest);
  EXPECT_EQ(power.acknowledges(), kSystemPower) << "what is no longer requested has no acknowledge";
  power.Request(PowerControl::kRequests);
  EXPECT_EQ(power.acknowledges(), kSystemPower);
}

constexpr uint32_t kCswMode = 0x12;  // words, TAR increments
constexpr uint32_t kPrivilegedAccess = 1u << 25;
constexpr uint32_t kNonSecureAccess = 1u << 30;
constexpr uint32_t kSecureDebug = 1u << 23;

TEST_F(QuirksTest, MemoryNeedsTheRightAttributes) {
  const Op read_csw{0x3};
  client_.Attach();
  TurnOn("csw=privileged");
  EXPECT_EQ(client_.Read(read_csw) & kPrivilegedAccess, 0u);
  EXPECT_EQ(ReadWithCsw(kCswMode), 4u);
  EXPECT_EQ(ReadWithCsw(kCswMode | kPrivilegedAccess), 1u);
  TurnOn("csw=secure");
  client_.Transfer({WriteAbort(0x1E)});
  EXPECT_EQ(client_.Read(read_csw) & (kNonSecureAccess | kSecureDebug), kNonSecureAccess | kSecureDebug);
  EXPECT_EQ(ReadWithCsw(kCswMode | kNonSecureAccess), 4u);
  EXPECT_EQ(ReadWithCsw(kCswMode), 1u);
  TurnOn("csw=nonsecure");
  client_.Transfer({WriteAbort(0x1E)});
  EXPECT_EQ(client_.Read(read_csw) & (kNonSecureAccess | kSecureDebug), kNonSecureAccess);
  EXPECT_EQ(ReadWithCsw(kCswMode), 4u);
  EXPECT_EQ(ReadWithCsw(kCswMode | kNonSecureAccess), 1u);
  client_.board.SetQuirks({});
  EXPECT_EQ(ReadWithCsw(kCswMode | kNonSecureAccess), 1u) << "without the quirk the bit does not exist";
  EXPECT_EQ(client_.Read(read_csw) & kNonSecureAccess, 0u);
}

TEST_F(QuirksTest, APowerCycleLeavesOnlyFlash) {
  const auto& word = [this](uint32_t address) { return client_.board.chip().bus().Read(address, 4).value(); };
  constexpr uint32_t kDhcsr = 0xE000EDF0;
  constexpr uint32_t kFirstBreakpoint = 0xE0002008;
  constexpr uint32_t kWatchpoint = 0xE0001020;
  constexpr uint32_t kStimulusEnable = 0xE0000E00;
  const uint32_t noise = word(kRam);
  client_.Attach();
  client_.Transfer({WriteTar(kRam), WriteDrw(~noise), WriteTar(kDhcsr), WriteDrw(0xA05F0003),
                    WriteTar(kFirstBreakpoint), WriteDrw(0x40000101), WriteTar(kWatchpoint), WriteDrw(kRam),
                    WriteTar(0xE0000FB0), WriteDrw(0xC5ACCE55), WriteTar(kStimulusEnable), WriteDrw(1)});
  ASSERT_EQ(word(kRam), ~noise);
  ASSERT_TRUE(client_.board.chip().processor().halted());
  ASSERT_EQ(word(kStimulusEnable), 1u);
  client_.board.chip().PowerCycle();
  EXPECT_EQ(word(kRam), noise);
  EXPECT_FALSE(client_.board.chip().processor().halted());
  EXPECT_EQ(word(kDhcsr) & 1, 0u);
  for (const uint32_t address : {kFirstBreakpoint, kWatchpoint, kStimulusEnable})
    EXPECT_EQ(word(address), 0u) << address;
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, 7u) << "the link is lost";
  client_.JtagToSwd();
  EXPECT_EQ(client_.Transfer({kReadDpidr}).ack, 1u);
  EXPECT_EQ(client_.Read(kReadCtrlStat), 0u);
  client_.Attach();
  EXPECT_EQ(ReadWithCsw(kCsw32), 1u);
}

TEST_F(QuirksTest, APowerCycleDoesNotReleaseReset) {
  client_.Connect();
  DriveReset(false);
  client_.board.chip().PowerCycle();
  EXPECT_TRUE(held());
  DriveReset(true);
  EXPECT_FALSE(held());
}

TEST(QuirkTableTest, RowsAreCompleteAndUnique) {
  std::set<std::string_view> names;
  for (const QuirkRow& row : QuirkRows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.effect.empty() || row.firmware.empty()) << row.name;
    EXPECT_NE(DescribeQuirks().find(row.name), std::string::npos) << row.name;
  }
}

TEST(QuirkTableTest, InvalidQuirksAreRefused) {
  const char* const kWrong[] = {"",
                                "nope",
                                "=1",
                                "nreset-reads",
                                "nreset-reads=2",
                                "nreset-reads=",
                                "nreset-not-driven=1",
                                "packet-count=256",
                                "packet-count=-1",
                                "packet-count=1x",
                                "packet-buffers=0",
                                "packet-buffers=17",
                                "packet-size=15",
                                "packet-size=1025",
                                "info=5",
                                "info=256:00",
                                "info=5:0",
                                "info=5:0g",
                                "info=5:0x",
                                "info=:00",
                                "info-unknown=x",
                                "refuse=",
                                "refuse=Nope",
                                "refuse=0x",
                                "refuse=0x99",
                                "refuse=0x113",
                                "fail=Transfer",
                                "fail=SWJ_Pins",
                                "fail=Nope",
                                "clock=5",
                                "clock=0-5",
                                "clock=6-5",
                                "clock=5-",
                                "stale-reply=0",
                                "repeat-reply=x",
                                "power-ack-delay=60001",
                                "no-system-power=1",
                                "csw=",
                                "csw=Secure",
                                "powered-by-target=no"};
  for (const char* text : kWrong) EXPECT_THROW(ParseQuirk(text), std::invalid_argument) << text;
  EXPECT_THROW(ParseQuirk("version=" + std::string(201, 'x')), std::invalid_argument);
  EXPECT_THROW(ParseQuirk("info=1:" + std::string(402, '0')), std::invalid_argument);
}

TEST(QuirkTableTest, MessagesNameTheQuirkAndTheValue) {
  try {
    ParseQuirk("fail=SWJ_Pins");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "quirk fail: DAP_SWJ_Pins has no status that could be an error");
  }
  try {
    ParseQuirk("packet-count=300");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "quirk packet-count: N must be a number from 0 to 255, not '300'");
  }
}

TEST(QuirkTableTest, ASettingTakesThePlaceOfAnotherUnlessItRepeats) {
  std::vector<QuirkSetting> settings;
  for (const char* quirk : {"version=1", "refuse=Delay", "version=2", "refuse=HostStatus", "refuse=Delay"}) {
    TurnOn(ParseQuirk(quirk), settings);
  }
  EXPECT_EQ(settings, (std::vector<QuirkSetting>{{"version", "2"}, {"refuse", "HostStatus"}, {"refuse", "Delay"}}));
  EXPECT_EQ(MakeQuirks(settings).commands.unknown, (std::set<Command>{Command::kDelay, Command::kHostStatus}));
}

}  // namespace
}  // namespace probegate::sim
