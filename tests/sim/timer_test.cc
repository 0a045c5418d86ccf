#include "sim/peripherals/timer.h"

#include "gtest/gtest.h"
#include "peripheral_parts.h"

namespace probegate::sim {
namespace {

constexpr unsigned kIrq = 8;
constexpr uint32_t kStart = 0x000;
constexpr uint32_t kStop = 0x004;
constexpr uint32_t kCount = 0x008;
constexpr uint32_t kClear = 0x00C;
constexpr uint32_t kCapture1 = 0x044;
constexpr uint32_t kCompare0 = 0x140;
constexpr uint32_t kCompare1 = 0x144;
constexpr uint32_t kShorts = 0x200;
constexpr uint32_t kIntenset = 0x304;
constexpr uint32_t kIntenclr = 0x308;
constexpr uint32_t kMode = 0x504;
constexpr uint32_t kBitmode = 0x508;
constexpr uint32_t kPrescaler = 0x510;
constexpr uint32_t kCc0 = 0x540;
constexpr uint32_t kCc1 = 0x544;
constexpr uint64_t kCyclesPerMicrosecond = 64;  // also of a tick at the prescaler's reset value, 4

class TimerTest : public testing::Test {
 protected:
  uint32_t Read(uint32_t offset) { return ReadWord(timer_, offset); }
  void Write(uint32_t offset, uint32_t value) { WriteWord(timer_, offset, value); }
  uint32_t Counter() {
    Write(kCapture1, 1);
    return Read(kCc1);
  }
  void Pass(uint64_t microseconds) { clock_.AdvanceTo(clock_.now() + microseconds * kCyclesPerMicrosecond); }

  SimClock clock_;
  RecordedLines lines_;
  Timer timer_{clock_, lines_, kIrq, 4};
};

TEST_F(TimerTest, CountsMicrosecondsFromItsStart) {
  Write(kBitmode, 3);
  Pass(5);
  EXPECT_EQ(Counter(), 0u);
  Write(kStart, 1);
  Pass(7);
  EXPECT_EQ(Counter(), 7u);
  Write(kStop, 1);
  Pass(3);
  EXPECT_EQ(Counter(), 7u);
  Write(kStart, 1);
  Pass(1);
  EXPECT_EQ(Counter(), 8u);
  Write(kClear, 1);
  EXPECT_EQ(Counter(), 0u);
}

TEST_F(TimerTest, PrescalerDividesSixteenMegahertz) {
  for (uint32_t prescaler = 0; prescaler <= 9; ++prescaler) {
    Write(kStop, 1);
    Write(kClear, 1);
    Write(kBitmode, 3);
    Write(kPrescaler, prescaler);
    Write(kStart, 1);
    clock_.AdvanceTo(clock_.now() + 4096 * 4);
    EXPECT_EQ(Counter(), 4096u >> prescaler);
  }
}

TEST_F(TimerTest, WrapsAtItsWidth) {
  struct {
    uint32_t bitmode;
    uint32_t after_0x1000234;
  } const rows[] = {{0, 0x234}, {1, 0x34}, {2, 0x234}, {3, 0x1000234}};
  for (const auto& row : rows) {
    Write(kStop, 1);
    Write(kClear, 1);
    Write(kBitmode, row.bitmode);
    Write(kStart, 1);
    Pass(0x1000234);
    EXPECT_EQ(Counter(), row.after_0x1000234) << row.bitmode;
  }
}

TEST_F(TimerTest, ComparesWhenItReachesTheValue) {
  Write(kCc0, 100);
  Write(kStart, 1);
  Pass(99);
  EXPECT_EQ(Read(kCompare0), 0u);
  Pass(1);
  EXPECT_EQ(Read(kCompare0), 1u);
  EXPECT_FALSE(lines_.level(kIrq));
  Write(kIntenset, 1u << 16);
  EXPECT_TRUE(lines_.level(kIrq));
  Write(kCompare0, 0);
  EXPECT_FALSE(lines_.level(kIrq));
  EXPECT_EQ(Read(kCompare0), 0u);
}

TEST_F(TimerTest, AValueItStartsAtMatchesOnlyAfterWrapping) {
  Write(kStart, 1);
  Pass(0xFFFF);
  EXPECT_EQ(Read(kCompare0), 0u);
  Pass(1);
  EXPECT_EQ(Read(kCompare0), 1u);
}

TEST_F(TimerTest, InterruptsPeriodicallyWithTheClearShort) {
  Write(kBitmode, 3);
  Write(kCc0, 1000);
  Write(kShorts, 1);
  Write(kIntenset, 1u << 16);
  Write(kStart, 1);
  for (int i = 0; i < 5; ++i) {
    Pass(999);
    EXPECT_FALSE(lines_.level(kIrq));
    Pass(1);
    EXPECT_TRUE(lines_.level(kIrq));
    EXPECT_EQ(Counter(), 0u);
    Write(kCompare0, 0);
  }
  Write(kIntenclr, 1u << 16);
  Pass(1000);
  EXPECT_FALSE(lines_.level(kIrq));
  EXPECT_EQ(Read(kCompare0), 1u);
}

TEST_F(TimerTest, KeepsItsPeriodWhileTheCoreIsStalled) {
  Write(kBitmode, 3);
  Write(kCc0, 1000);
  Write(kShorts, 1);
  Write(kStart, 1);
  clock_.Stall(3400 * kCyclesPerMicrosecond);
  clock_.RunDue();
  EXPECT_EQ(Counter(), 400u);
}

TEST_F(TimerTest, StopsWithTheStopShort) {
  Write(kCc0, 10);
  Write(kShorts, 1u << 8);
  Write(kStart, 1);
  Pass(50);
  EXPECT_EQ(Counter(), 10u);
}

TEST_F(TimerTest, AnEventThatIsNeverClearedSetsNoAlarm) {
  for (uint32_t i = 0; i < 4; ++i) Write(kCc0 + 4 * i, 10);
  Write(kStart, 1);
  Pass(10);
  EXPECT_EQ(clock_.next_due(), SimClock::kNever);
  // The counter has passed the value since, so the next match comes one wrap later.
  Pass(0x10000);
  Pass(5);
  Write(kCompare0, 0);
  Pass(0x10000 - 6);
  EXPECT_EQ(Read(kCompare0), 0u);
  Pass(1);
  EXPECT_EQ(Read(kCompare0), 1u);
}

TEST_F(TimerTest, DueMatchesAreHandledBeforeAnAccess) {
  Write(kCc0, 10);
  Write(kCc1, 20);
  Write(kShorts, 1);
  Write(kStart, 1);
  clock_.Stall(12 * kCyclesPerMicrosecond);
  Write(kCompare1, 0);
  EXPECT_EQ(Read(kCompare0), 1u);
  EXPECT_EQ(Counter(), 2u);
}

TEST_F(TimerTest, CountsTasksInCounterMode) {
  Write(kMode, 1);
  Write(kCc0, 2);
  Write(kCount, 1);
  EXPECT_EQ(Counter(), 0u);
  Write(kStart, 1);
  Write(kCount, 1);
  Pass(10);
  EXPECT_EQ(Counter(), 1u);
  EXPECT_EQ(Read(kCompare0), 0u);
  Write(kCount, 1);
  EXPECT_EQ(Read(kCompare0), 1u);
}

TEST_F(TimerTest, ResetStopsIt) {
  Write(kCc0, 10);
  Write(kIntenset, 1u << 16);
  Write(kStart, 1);
  Pass(10);
  timer_.Reset(ResetCause::kRequest);
  EXPECT_FALSE(lines_.level(kIrq));
  EXPECT_EQ(Read(kCompare0), 0u);
  EXPECT_EQ(Read(kIntenset), 0u);
  EXPECT_EQ(Read(kPrescaler), 4u);
  Pass(0x20000);
  EXPECT_EQ(Read(kCompare0), 0u);
  EXPECT_EQ(Counter(), 0u);
}

TEST(SixCompares, BelongToTheLastTimers) {
  SimClock clock;
  RecordedLines lines;
  Timer four(clock, lines, 8, 4);
  Timer six(clock, lines, 26, 6);
  WriteWord(four, 0x554, 5);
  WriteWord(six, 0x554, 5);
  EXPECT_EQ(ReadWord(four, 0x554), 0u);
  EXPECT_EQ(ReadWord(six, 0x554), 5u);
  WriteWord(six, kIntenset, 1u << 21);
  WriteWord(six, kStart, 1);
  clock.AdvanceTo(5 * kCyclesPerMicrosecond);
  EXPECT_TRUE(lines.level(26));
}

}  // namespace
}  // namespace probegate::sim
