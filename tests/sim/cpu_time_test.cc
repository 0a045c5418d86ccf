// Time: the clock and its alarms, SysTick (ARMv7-M Architecture Reference Manual §B3.3), sleep and what ends it
// (§B1.5.17 to §B1.5.19). All events happen at the same cycle in each run.
#include <tuple>

#include "core_fixture.h"

namespace probegate::sim {
namespace {

constexpr uint16_t kBranchToSelf = 0xE7FE;
constexpr uint16_t kReturn = 0x4770;   // bx lr
constexpr uint16_t kCountR4 = 0x3401;  // adds r4, #1
constexpr uint16_t kWfi = 0xBF30;
constexpr uint16_t kWfe = 0xBF20;
constexpr uint16_t kSev = 0xBF40;
constexpr unsigned kIrq0 = kFirstInterrupt;
constexpr uint32_t kSystCsr = 0xE000E010;
constexpr uint32_t kSystRvr = 0xE000E014;
constexpr uint32_t kSystCvr = 0xE000E018;
constexpr uint32_t kScr = 0xE000ED10;

class CpuTimeTest : public CoreFixture {
 protected:
  void StartSysTick(uint32_t reload, uint32_t control = 7) {
    Write(kSystRvr, reload);
    Write(kSystCvr, 0);
    Write(kSystCsr, control);
  }
};

TEST(SimClockTest, AlarmsGoOffInOrderAtTheirCycles) {
  SimClock clock;
  std::vector<std::pair<int, uint64_t>> heard;
  Alarm late(clock, [&] { heard.emplace_back(3, clock.now()); });
  Alarm second(clock, [&] { heard.emplace_back(2, clock.now()); });
  Alarm first(clock, [&] {
    heard.emplace_back(1, clock.now());
    second.SetIn(5);
  });
  late.SetAt(100);
  first.SetAt(10);
  EXPECT_EQ(clock.next_due(), 10u);
  clock.AdvanceTo(100);
  EXPECT_EQ(heard, (std::vector<std::pair<int, uint64_t>>{{1, 10}, {2, 15}, {3, 100}}));
  EXPECT_EQ(clock.next_due(), SimClock::kNever);
}

TEST(SimClockTest, DestroyedOrClearedAlarmDoesNotGoOff) {
  SimClock clock;
  int heard = 0;
  {
    Alarm alarm(clock, [&] { ++heard; });
    alarm.SetAt(10);
  }
  Alarm cleared(clock, [&] { ++heard; });
  cleared.SetAt(10);
  cleared.Clear();
  clock.AdvanceTo(20);
  EXPECT_EQ(heard, 0);
}

TEST_F(CpuTimeTest, SysTickInterruptsAtItsPeriod) {
  Put(kEntry, {kBranchToSelf});
  Handle(kSysTick, {kCountR4, kReturn});
  Start();
  StartSysTick(999);
  Run(10'500);
  EXPECT_EQ(Reg(4), 10u);
}

TEST_F(CpuTimeTest, SysTickCountsDownAndReportsAWrap) {
  Put(kEntry, {kBranchToSelf});
  Start();
  StartSysTick(999, 5);  // no interrupt
  Run(400);
  EXPECT_EQ(Read(kSystCvr), 600u);
  EXPECT_EQ(Read(kSystCsr), 5u);
  Run(700);
  EXPECT_EQ(Read(kSystCvr), 900u);
  EXPECT_EQ(Read(kSystCsr), 0x10005u);
  EXPECT_EQ(Read(kSystCsr), 5u) << "a read clears COUNTFLAG";
}

TEST_F(CpuTimeTest, SysTickStopsWhileHalted) {
  Put(kEntry, {kBranchToSelf});
  Start();
  StartSysTick(999, 5);
  Run(400);
  Halt();
  chip().clock().AdvanceTo(chip().clock().now() + 5000);
  EXPECT_EQ(Read(kSystCvr), 600u);
  Resume();
  Run(100);
  EXPECT_EQ(Read(kSystCvr), 500u);
}

TEST_F(CpuTimeTest, WfiSleepsUntilAnInterrupt) {
  Put(kEntry, {kWfi, 0x2433, kBranchToSelf});  // movs r4, #0x33
  Handle(kIrq0, {kReturn});
  Start();
  Write(0xE000E100, 1);
  EXPECT_EQ(Run(), End::kAsleep);
  EXPECT_EQ(Pc(), kEntry + 2);
  EXPECT_EQ(Read(kDhcsr) & 1u << 18, 1u << 18);  // S_SLEEP
  EXPECT_EQ(Run(), End::kAsleep) << "nothing has changed";
  nvic().Pend(kIrq0);
  EXPECT_EQ(Run(20), End::kTimeUp);
  EXPECT_EQ(Reg(4), 0x33u);
}

TEST_F(CpuTimeTest, WfiWakesUnderPrimaskWithoutTheHandler) {  // §B1.5.18
  Put(kEntry, {0xB672, kWfi, 0x2433, kBranchToSelf});         // cpsid i
  Handle(kIrq0, {0x2544, kReturn});                           // movs r5, #0x44
  Start();
  Write(0xE000E100, 1);
  EXPECT_EQ(Run(), End::kAsleep);
  nvic().Pend(kIrq0);
  Run(20);
  EXPECT_EQ(Reg(4), 0x33u);
  EXPECT_EQ(Reg(5), 0u);
}

TEST_F(CpuTimeTest, DisabledInterruptDoesNotWake) {
  Put(kEntry, {kWfi, kBranchToSelf});
  Start();
  EXPECT_EQ(Run(), End::kAsleep);
  nvic().Pend(kIrq0);
  EXPECT_EQ(Run(), End::kAsleep);
}

TEST_F(CpuTimeTest, EventBeforeWfeIsNotLost) {
  Put(kEntry, {kSev, kWfe, kCountR4, kWfe, kCountR4, kBranchToSelf});
  Start();
  EXPECT_EQ(Run(), End::kAsleep);
  EXPECT_EQ(Reg(4), 1u);
  EXPECT_EQ(Pc(), kEntry + 8);
}

TEST_F(CpuTimeTest, PendingInterruptIsAnEventWithSevonpend) {  // SCR.SEVONPEND
  Put(kEntry, {kWfe, kCountR4, kBranchToSelf});
  Start();
  Write(kScr, 1u << 4);
  EXPECT_EQ(Run(), End::kAsleep);
  nvic().Pend(kIrq0);  // not enabled
  EXPECT_EQ(Run(20), End::kTimeUp);
  EXPECT_EQ(Reg(4), 1u);
}

TEST_F(CpuTimeTest, SleepOnExitSleepsAfterTheHandler) {
  Put(kEntry, {kBranchToSelf});
  Handle(kIrq0, {kCountR4, kReturn});
  Start();
  Write(kScr, 1u << 1);
  Write(0xE000E100, 1);
  nvic().Pend(kIrq0);
  EXPECT_EQ(Run(), End::kAsleep);
  nvic().Pend(kIrq0);
  EXPECT_EQ(Run(), End::kAsleep);
}

TEST_F(CpuTimeTest, HaltEndsASleep) {
  Put(kEntry, {kWfi, kBranchToSelf});
  Start();
  EXPECT_EQ(Run(), End::kAsleep);
  Halt();
  EXPECT_EQ(Read(kDhcsr) & 3u << 17, 1u << 17);
  EXPECT_EQ(Pc(), kEntry + 2);
}

TEST_F(CpuTimeTest, SysTickStopsInSleepUntilTheDebugDomainHasPower) {
  Put(kEntry, {kWfi, kBranchToSelf});
  Handle(kSysTick, {kReturn});
  Start();
  StartSysTick(999);
  EXPECT_EQ(Run(), End::kAsleep);
  EXPECT_EQ(chip().clock().next_due(), SimClock::kNever);
  chip().processor().SetDebugPower(true);
  EXPECT_LT(chip().clock().next_due(), 1100u);
}

// Instructions are executed at the same cycles, no matter how a run is divided and where it is interrupted.
TEST_F(CpuTimeTest, SlicesDoNotChangeTheResult) {
  // loop: adds r4, #1; cmp r4, #7; ite eq; moveq r5, r4; addne r5, #1; mrs r6, primask; b loop
  const std::initializer_list<uint16_t> code = {kCountR4, 0x2C07, 0xBF0C, 0x4625, 0x3501, 0xF3EF, 0x8610, 0xE7F7};
  Put(kEntry, code);
  Handle(kSysTick, {0x3701, kReturn});  // adds r7, #1
  const auto trace = [&](uint64_t slice, uint64_t interruption) {
    Start();
    StartSysTick(97);
    Alarm alarm(chip().clock(), [&] {
      chip().Interrupt();
      alarm.SetIn(interruption);
    });
    if (interruption != 0) alarm.SetIn(interruption);
    std::vector<std::tuple<uint32_t, uint32_t, uint32_t, uint32_t>> states;
    for (uint64_t next = 2000; next <= 20'000; next += 2000) {
      while (chip().clock().now() < next) chip().Run(std::min(next, chip().clock().now() + slice));
      states.emplace_back(Pc(), Reg(4), Reg(5), Reg(7));
    }
    return states;
  };
  const auto whole = trace(2000, 0);
  EXPECT_EQ(trace(2000, 37), whole);
  EXPECT_EQ(trace(2000, 1), whole);
  EXPECT_EQ(trace(13, 0), whole);
  EXPECT_EQ(trace(1, 0), whole);
}

}  // namespace
}  // namespace probegate::sim
