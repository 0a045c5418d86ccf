#include "sim/peripherals/power_clock.h"

#include "gtest/gtest.h"
#include "peripheral_parts.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kHfclkStart = 0x000;
constexpr uint32_t kHfclkStop = 0x004;
constexpr uint32_t kLfclkStart = 0x008;
constexpr uint32_t kHfclkStarted = 0x100;
constexpr uint32_t kLfclkStarted = 0x104;
constexpr uint32_t kIntenset = 0x304;
constexpr uint32_t kResetReas = 0x400;
constexpr uint32_t kHfclkRun = 0x408;
constexpr uint32_t kHfclkStat = 0x40C;
constexpr uint32_t kLfclkStat = 0x418;
constexpr uint32_t kLfclkSrc = 0x518;
constexpr uint32_t kGpregret = 0x51C;
constexpr uint32_t kTraceConfig = 0x55C;
constexpr uint32_t kRam1Power = 0x910;

class PowerClockTest : public testing::Test {
 protected:
  uint32_t Read(uint32_t offset) { return ReadWord(power_, offset); }
  void Write(uint32_t offset, uint32_t value) { WriteWord(power_, offset, value); }
  void Pass(uint64_t microseconds) { clock_.AdvanceTo(clock_.now() + clock_.FromMicroseconds(microseconds)); }

  SimClock clock_;
  RecordedLines lines_;
  PowerClock power_{clock_, lines_, 0};
};

TEST_F(PowerClockTest, CrystalStarts) {
  Write(kIntenset, 1);
  Write(kHfclkStart, 1);
  EXPECT_EQ(Read(kHfclkRun), 1u);
  EXPECT_EQ(Read(kHfclkStat), 0u);
  EXPECT_EQ(Read(kHfclkStarted), 0u);
  Pass(1000);
  EXPECT_EQ(Read(kHfclkStat), 0x10001u);
  EXPECT_EQ(Read(kHfclkStarted), 1u);
  EXPECT_TRUE(lines_.level(0));
  Write(kHfclkStarted, 0);
  EXPECT_FALSE(lines_.level(0));
  Write(kHfclkStart, 1);
  EXPECT_EQ(Read(kHfclkStarted), 1u) << "it runs already";
  Write(kHfclkStop, 1);
  EXPECT_EQ(Read(kHfclkStat), 0u);
  EXPECT_EQ(Read(kHfclkRun), 0u);
}

TEST_F(PowerClockTest, SlowClockStartsFromItsSource) {
  for (uint32_t source : {0u, 1u, 2u}) {
    Write(kLfclkSrc, source);
    Write(kLfclkStart, 1);
    Write(kLfclkSrc, 0);
    EXPECT_EQ(Read(kLfclkStarted), 0u);
    Pass(300'000);
    EXPECT_EQ(Read(kLfclkStat), 0x10000u | source);
    EXPECT_EQ(Read(kLfclkStarted), 1u);
    power_.Reset(ResetCause::kRequest);
  }
}

TEST_F(PowerClockTest, AResetStopsWhatWasStarting) {
  Write(kHfclkStart, 1);
  power_.Reset(ResetCause::kRequest);
  Pass(1000);
  EXPECT_EQ(Read(kHfclkStat), 0u);
}

TEST_F(PowerClockTest, CollectsResetReasons) {
  power_.Reset(ResetCause::kPowerOn);
  EXPECT_EQ(Read(kResetReas), 0u);
  power_.Reset(ResetCause::kRequest);
  EXPECT_EQ(Read(kResetReas), 4u);
  power_.Reset(ResetCause::kPin);
  EXPECT_EQ(Read(kResetReas), 5u);
  Write(kResetReas, 4);
  EXPECT_EQ(Read(kResetReas), 1u);
  Write(kResetReas, 0xFFFFFFFF);
  power_.Reset(ResetCause::kCtrlAp);
  EXPECT_EQ(Read(kResetReas), 4u);
}

TEST_F(PowerClockTest, KeepsRetainedRegistersInAReset) {
  Write(kGpregret, 0x1B1);
  Write(kTraceConfig, 0x10000);
  Write(kRam1Power + 8, 1);
  power_.Reset(ResetCause::kRequest);
  EXPECT_EQ(Read(kGpregret), 0xB1u);
  EXPECT_EQ(Read(kRam1Power), 0xFFFEu);
  EXPECT_EQ(Read(kTraceConfig), 0u);
  power_.Reset(ResetCause::kPin);
  EXPECT_EQ(Read(kGpregret), 0u);
  EXPECT_EQ(Read(kRam1Power), 0xFFFFu);
}

TEST_F(PowerClockTest, HasNoProtectionRegistersOfLaterRevisions) {
  Write(0x558, 0x5A);
  EXPECT_EQ(Read(0x558), 0u);
}

}  // namespace
}  // namespace probegate::sim
