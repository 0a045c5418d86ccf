// Halting debug: DHCSR, DCRSR, DEMCR, DFSR, breakpoints and watchpoints (ARMv7-M Architecture Reference Manual, part
// C1).
#include "core_fixture.h"

namespace probegate::sim {
namespace {

constexpr uint16_t kBranchToSelf = 0xE7FE;
constexpr uint16_t kReturn = 0x4770;   // bx lr
constexpr uint16_t kCountR4 = 0x3401;  // adds r4, #1
constexpr uint16_t kNop = 0xBF00;
constexpr unsigned kIrq0 = kFirstInterrupt;
constexpr uint32_t kMaskInts = 1u << 3;
constexpr uint32_t kHaltedBit = 1u << 17;
constexpr uint32_t kLockupBit = 1u << 19;
constexpr uint32_t kFpCtrl = 0xE0002000;
constexpr uint32_t kFpComp0 = 0xE0002008;
constexpr uint32_t kDwtCtrl = 0xE0001000;
constexpr uint32_t kDwtCyccnt = 0xE0001004;
constexpr uint32_t kDwtPcsr = 0xE000101C;
constexpr uint32_t kDwtComp0 = 0xE0001020;
constexpr uint32_t kTrcena = 1u << 24;

class CoreDebugTest : public CoreFixture {
 protected:
  void BreakAt(unsigned comparator, uint32_t address) {
    Write(kFpCtrl, 3);
    Write(kFpComp0 + 4 * comparator, (address & 0x1FFFFFFC) | ((address & 2) != 0 ? 2u : 1u) << 30 | 1);
  }
  void WatchAt(unsigned comparator, uint32_t address, uint32_t mask, uint32_t function) {
    Write(kDemcr, kTrcena);
    Write(kDwtComp0 + 16 * comparator, address);
    Write(kDwtComp0 + 16 * comparator + 4, mask);
    Write(kDwtComp0 + 16 * comparator + 8, function);
  }
  uint32_t ReadByDebugger(uint32_t selector) {
    Write(kDcrsr, selector);
    return Read(kDcrdr);
  }
  void WriteByDebugger(uint32_t selector, uint32_t value) {
    Write(kDcrdr, value);
    Write(kDcrsr, selector | 1u << 16);
  }
};

TEST_F(CoreDebugTest, StepExecutesOneInstruction) {                  // §C1.5.2
  Put(kEntry, {kCountR4, 0xF8DF, 0x0004, kCountR4, kBranchToSelf});  // ldr.w r0, [pc, #4]
  Start();
  Halt();
  Write(kDfsr, 0x1F);
  EXPECT_EQ(Step(), kEntry + 2);
  EXPECT_EQ(Reg(4), 1u);
  EXPECT_EQ(Read(kDfsr), 1u);
  EXPECT_EQ(Step(), kEntry + 6);
  EXPECT_EQ(Step(), kEntry + 8);
  EXPECT_EQ(Step(), kEntry + 8);
  EXPECT_EQ(Reg(4), 2u);
  EXPECT_EQ(Read(kDhcsr) & 0x20003, 0x20003u) << "C_HALT is set when a step ends";
}

TEST_F(CoreDebugTest, StepOverAnSvcEndsInItsHandler) {
  Put(kEntry, {0xDF00, kBranchToSelf});
  Handle(kSvCall, {kNop, kReturn});
  Start();
  Halt();
  EXPECT_EQ(Step(kMaskInts), HandlerOf(kSvCall)) << "C_MASKINTS does not mask SVC";
  EXPECT_EQ(Ipsr(), kSvCall);
  EXPECT_EQ(Step(kMaskInts), HandlerOf(kSvCall) + 2);
  EXPECT_EQ(Step(kMaskInts), kEntry + 2);
}

TEST_F(CoreDebugTest, StepTakesAPendingInterruptUnlessMasked) {
  Put(kEntry, {kCountR4, kCountR4, kCountR4, kBranchToSelf});
  Handle(kIrq0, {kReturn});
  Start();
  Halt();
  Write(0xE000E100, 1);
  Write(0xE000E200, 1);
  EXPECT_EQ(Step(kMaskInts), kEntry + 2);
  EXPECT_EQ(Step(kMaskInts), kEntry + 4);
  EXPECT_EQ(Step(), HandlerOf(kIrq0));
  EXPECT_EQ(Reg(4), 2u);
}

TEST_F(CoreDebugTest, MaskedInterruptsWaitWhileRunning) {
  Put(kEntry, {kBranchToSelf});
  Handle(kIrq0, {kBranchToSelf});
  Handle(kSvCall, {kBranchToSelf});
  Start();
  Halt();
  Write(0xE000E100, 1);
  Write(0xE000E200, 1);
  Resume(kMaskInts);
  Run(20);
  EXPECT_EQ(Ipsr(), 0u);
  Halt();
  Resume();
  Run(20);
  EXPECT_EQ(Ipsr(), kIrq0);
}

TEST_F(CoreDebugTest, SixBreakpointsInCode) {  // §C1.11
  Put(kEntry, {kNop, kNop, kNop, kNop, kNop, kNop, kNop, kBranchToSelf});
  Start();
  Halt();
  for (unsigned i = 0; i < 6; ++i) BreakAt(i, kEntry + 2 + 2 * i);
  for (unsigned i = 0; i < 6; ++i) {
    Write(kDfsr, 0x1F);
    Resume();
    EXPECT_EQ(Run(), End::kHalted);
    EXPECT_EQ(Pc(), kEntry + 2 + 2 * i);
    EXPECT_EQ(Read(kDfsr), 2u);
    Write(kFpComp0 + 4 * i, 0);
  }
  Resume();
  EXPECT_EQ(Run(100), End::kTimeUp);
}

TEST_F(CoreDebugTest, BreakpointAtThePcHitsOnResume) {
  Put(kEntry, {kNop, kNop, kBranchToSelf});
  Start();
  Halt();
  BreakAt(0, kEntry);
  Resume();
  EXPECT_EQ(Run(), End::kHalted);
  EXPECT_EQ(Pc(), kEntry);
}

TEST_F(CoreDebugTest, BreakpointsNeedHaltingDebug) {
  Put(kEntry, {kNop, kBranchToSelf});
  Start();
  BreakAt(0, kEntry + 2);
  EXPECT_EQ(Run(100), End::kTimeUp);
}

TEST_F(CoreDebugTest, BkptHaltsOnItself) {
  Put(kEntry, {kNop, 0xBE01, kBranchToSelf});
  Start();
  Attach();
  EXPECT_EQ(Run(), End::kHalted);
  EXPECT_EQ(Pc(), kEntry + 2);
  EXPECT_EQ(Read(kDfsr), 2u);
}

TEST_F(CoreDebugTest, BkptWithoutADebuggerIsAHardFault) {  // §C1.4.1
  Put(kEntry, {0xBE01, kBranchToSelf});
  Handle(kHardFault, {kBranchToSelf});
  Start();
  Run(20);
  EXPECT_EQ(Ipsr(), kHardFault);
  EXPECT_EQ(Read(kHfsr), 1u << 31);
}

TEST_F(CoreDebugTest, BkptEntersAnEnabledDebugMonitor) {
  Put(kEntry, {0xBE01, kBranchToSelf});
  Handle(kDebugMonitor, {kBranchToSelf});
  Start();
  Write(kDemcr, 1u << 16);
  Run(20);
  EXPECT_EQ(Ipsr(), kDebugMonitor);
  EXPECT_EQ(Read(kDfsr), 2u);
}

TEST_F(CoreDebugTest, OverwrittenCodeIsExecutedAsWritten) {
  Put(kEntry, {0x4800, 0x4700, 0x0101, 0x2000});  // ldr r0, =0x20000101; bx r0
  Start();
  Write(kRam + 0x100, 0xE7FE2401);  // movs r4, #1; b .
  Run(20);
  EXPECT_EQ(Reg(4), 1u);
  Halt();
  Write(kRam + 0x100, 0xE7FE2402);  // movs r4, #2
  core().Write(CpuRegister::kPc, kRam + 0x100);
  Resume();
  Run(20);
  EXPECT_EQ(Reg(4), 2u);
}

struct WatchRow {
  const char* name;
  uint32_t address;
  uint32_t mask;
  uint32_t function;
  uint16_t access;  // an instruction that accesses kRam + 0x100, which is in r0
  bool hits;
};
class WatchpointTest : public CoreDebugTest, public testing::WithParamInterface<WatchRow> {};

TEST_P(WatchpointTest, HaltsAfterTheAccess) {  // §C1.8
  const WatchRow& row = GetParam();
  Put(kEntry,
      {0x4802, 0x2155, row.access, kCountR4, kBranchToSelf, kNop, 0x0100, 0x2000});  // ldr r0, =…; movs r1, #0x55
  Start();
  Write(kRam + 0x100, 0);
  Attach();
  WatchAt(1, row.address, row.mask, row.function);
  EXPECT_EQ(Run(100), row.hits ? End::kHalted : End::kTimeUp);
  constexpr uint32_t kFunction1 = kDwtComp0 + 16 + 8;
  if (!row.hits) {
    EXPECT_EQ(Read(kFunction1), row.function);
    return;
  }
  EXPECT_EQ(Pc(), kEntry + 6);
  EXPECT_EQ(Reg(4), 0u);
  EXPECT_EQ(Read(kDfsr), 4u);
  EXPECT_EQ(Read(kFunction1), row.function | 1u << 24) << "MATCHED";
  EXPECT_EQ(Read(kFunction1), row.function) << "a read clears MATCHED";
  Resume();
  EXPECT_EQ(Run(100), End::kTimeUp);
  EXPECT_EQ(Reg(4), 1u);
}

constexpr uint16_t kLoadWord = 0x6801;
constexpr uint16_t kLoadByte = 0x7801;
constexpr uint16_t kStoreWord = 0x6001;
constexpr uint16_t kStoreHalf = 0x8001;
INSTANTIATE_TEST_SUITE_P(Accesses, WatchpointTest,
                         testing::Values(WatchRow{"Write", kRam + 0x100, 2, 6, kStoreWord, true},
                                         WatchRow{"ReadUnderAWriteWatchpoint", kRam + 0x100, 2, 6, kLoadWord, false},
                                         WatchRow{"Read", kRam + 0x100, 2, 5, kLoadWord, true},
                                         WatchRow{"WriteUnderAReadWatchpoint", kRam + 0x100, 2, 5, kStoreWord, false},
                                         WatchRow{"ReadUnderAnAccessWatchpoint", kRam + 0x100, 2, 7, kLoadByte, true},
                                         WatchRow{"WriteUnderAnAccessWatchpoint", kRam + 0x100, 2, 7, kStoreHalf, true},
                                         WatchRow{"ByteWithinAWord", kRam + 0x103, 0, 6, kStoreWord, true},
                                         WatchRow{"ByteAfterAHalfword", kRam + 0x102, 0, 6, kStoreHalf, false},
                                         WatchRow{"WordAroundAByte", kRam + 0x100, 2, 5, kLoadByte, true},
                                         WatchRow{"Elsewhere", kRam + 0x104, 2, 7, kStoreWord, false}),
                         [](const auto& test) { return test.param.name; });

TEST_F(CoreDebugTest, WatchpointsNeedTraceEnable) {
  Put(kEntry, {0x4801, 0x6001, kBranchToSelf, kNop, 0x0100, 0x2000});
  Start();
  Attach();
  WatchAt(0, kRam + 0x100, 2, 6);
  Write(kDemcr, 0);
  EXPECT_EQ(Run(100), End::kTimeUp);
}

TEST_F(CoreDebugTest, NumberOfComparatorsIsReadOnly) {
  Put(kEntry, {kBranchToSelf});
  Start();
  Write(kDwtCtrl, 1);
  EXPECT_EQ(Read(kDwtCtrl), 0x40000001u);
}

TEST_F(CoreDebugTest, CycleCounterStopsWhileHalted) {
  Put(kEntry, {kBranchToSelf});
  Start();
  Write(kDemcr, kTrcena);
  Write(kDwtCtrl, 1);
  Run(1000);
  Halt();
  const uint32_t count = Read(kDwtCyccnt);
  EXPECT_EQ(count, 1000u);
  chip().clock().AdvanceTo(chip().clock().now() + 500);
  EXPECT_EQ(Read(kDwtCyccnt), count);
  EXPECT_EQ(Read(kDwtPcsr), 0xFFFFFFFFu);
  Resume();
  Run(10);
  EXPECT_EQ(Read(kDwtCyccnt), count + 10);
  EXPECT_EQ(Read(kDwtPcsr), kEntry);
  Write(kDwtCyccnt, 7);
  EXPECT_EQ(Read(kDwtCyccnt), 7u);
}

struct CatchRow {
  const char* name;
  uint32_t catches;
  uint16_t code;
  uint32_t shcsr;
  unsigned caught_in;  // the exception; 0: not caught
};
class VectorCatchTest : public CoreDebugTest, public testing::WithParamInterface<CatchRow> {};

TEST_P(VectorCatchTest, HaltsAtTheHandler) {  // §C1.6.5
  const CatchRow& row = GetParam();
  Put(kEntry, {row.code, kBranchToSelf});
  for (const unsigned exception : {kHardFault, kBusFault, kUsageFault}) Handle(exception, {kBranchToSelf});
  Start();
  Write(kShcsr, row.shcsr);
  Attach();
  Write(kDemcr, row.catches);
  core().Write(CpuRegister::kR0, 0x30000000);
  EXPECT_EQ(Run(100), row.caught_in != 0 ? End::kHalted : End::kTimeUp);
  if (row.caught_in == 0) return;
  EXPECT_EQ(Ipsr(), row.caught_in);
  EXPECT_EQ(Pc(), HandlerOf(row.caught_in));
  EXPECT_EQ(Read(kDfsr), 8u);
  EXPECT_EQ(Read(Reg(CpuRegister::kMsp) + 24), kEntry);
}

constexpr uint16_t kUdf = 0xDE00;
INSTANTIATE_TEST_SUITE_P(Catches, VectorCatchTest,
                         testing::Values(CatchRow{"HardFault", 1u << 10, kUdf, 0, kHardFault},
                                         CatchRow{"UsageFaultThatDoesNotEscalate", 1u << 10, kUdf, 1u << 18, 0},
                                         CatchRow{"State", 1u << 7, kUdf, 1u << 18, kUsageFault},
                                         CatchRow{"Bus", 1u << 8, kLoadWord, 1u << 17, kBusFault},
                                         CatchRow{"OtherFaultIsNotCaught", 1u << 8, kUdf, 1u << 18, 0}),
                         [](const auto& test) { return test.param.name; });

TEST_F(CoreDebugTest, HaltLeavesLockup) {  // §C1.3
  PutWords(0, {0xFFFFFFFF, 0xFFFFFFFF});
  Start();
  EXPECT_EQ(Run(), End::kLockedUp);
  EXPECT_EQ(Read(kDhcsr) & (kLockupBit | kHaltedBit), kLockupBit);
  Halt();
  EXPECT_EQ(Read(kDhcsr) & (kLockupBit | kHaltedBit), kHaltedBit);
  EXPECT_EQ(Pc(), 0xFFFFFFFEu);
  Write(kRam, 0xE7FE2401);
  core().Write(CpuRegister::kPc, kRam);
  Resume();
  EXPECT_EQ(Run(20), End::kTimeUp);
  EXPECT_EQ(Reg(4), 1u);
}

TEST_F(CoreDebugTest, EveryRegisterMovesThroughDcrdr) {  // §C1.6.3
  Put(kEntry, {kBranchToSelf});
  Start();
  Halt();
  for (uint32_t selector = 0; selector <= 12; ++selector) WriteByDebugger(selector, 0x100 + selector);
  for (uint32_t i = 0; i < 32; ++i) WriteByDebugger(0x40 + i, 0x200 + i);
  for (uint32_t selector = 0; selector <= 12; ++selector) EXPECT_EQ(ReadByDebugger(selector), 0x100 + selector);
  for (uint32_t i = 0; i < 32; ++i) EXPECT_EQ(ReadByDebugger(0x40 + i), 0x200 + i);
  WriteByDebugger(0x21, 0x03000000);
  EXPECT_EQ(ReadByDebugger(0x21), 0x03000000u);
  WriteByDebugger(16, 0xF90F0000);
  EXPECT_EQ(ReadByDebugger(16), 0xF90F0000u);
  WriteByDebugger(20, 0x03016001);  // unprivileged, on PSP, all masks set
  EXPECT_EQ(ReadByDebugger(20), 0x03016001u);
  WriteByDebugger(17, 0x20001000);
  WriteByDebugger(18, 0x20002000);
  EXPECT_EQ(ReadByDebugger(17), 0x20001000u);
  EXPECT_EQ(ReadByDebugger(13), 0x20002000u);
  WriteByDebugger(20, 0);
  EXPECT_EQ(ReadByDebugger(13), 0x20001000u);
}

TEST_F(CoreDebugTest, ProgramCanResetItself) {  // §B3.2.6: SYSRESETREQ
  // ldr r0, =0x20000100; ldr r1, [r0]; adds r1, #1; str r1, [r0]; ldr r2, =AIRCR; ldr r3, =0x05FA0004; str r3, [r2]
  Put(kEntry, {0x4804, 0x6801, 0x3101, 0x6001, 0x4A03, 0x4B04, 0x6013, kBranchToSelf, kNop, kNop, 0x0100, 0x2000,
               0xED0C, 0xE000, 0x0004, 0x05FA});
  Start();
  Write(kRam + 0x100, 0);
  EXPECT_EQ(Run(75), End::kTimeUp);
  EXPECT_EQ(Read(kRam + 0x100), 11u);
}

TEST_F(CoreDebugTest, ProgramCannotHaltItself) {
  Put(kEntry, {0x4801, 0x4902, 0x6001, kBranchToSelf, 0xEDF0, 0xE000, 0x0003, 0xA05F});
  Start();
  EXPECT_EQ(Run(50), End::kTimeUp);
  EXPECT_EQ(Read(kDhcsr) & (kHaltedBit | 3), 0u);
}

}  // namespace
}  // namespace probegate::sim
