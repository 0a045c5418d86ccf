// Exceptions: entry, return, priorities, faults (ARMv7-M Architecture Reference Manual, chapter B1.5).
#include "core_fixture.h"

namespace probegate::sim {
namespace {

constexpr uint16_t kBranchToSelf = 0xE7FE;
constexpr uint16_t kReturn = 0x4770;   // bx lr
constexpr uint16_t kCountR4 = 0x3401;  // adds r4, #1
constexpr uint16_t kCountR5 = 0x3501;  // adds r5, #1
constexpr uint16_t kNop = 0xBF00;
constexpr uint16_t kUndefinedOp = 0xDE00;  // udf #0
constexpr unsigned kIrq0 = kFirstInterrupt;
constexpr unsigned kIrq1 = kFirstInterrupt + 1;
constexpr uint32_t kIser0 = 0xE000E100;
constexpr uint32_t kIspr0 = 0xE000E200;
constexpr uint32_t kIpr0 = 0xE000E400;
constexpr uint32_t kCcr = 0xE000ED14;

class ExceptionsTest : public CoreFixture {
 protected:
  // A word of the current exception's frame, which is on MSP.
  uint32_t Stacked(unsigned word) { return Read(Reg(CpuRegister::kMsp) + 4 * word); }
};

TEST_F(ExceptionsTest, ResetTakesStackAndEntryFromTheTable) {  // §B1.5.5
  Put(kEntry, {kBranchToSelf});
  Start();
  EXPECT_EQ(Pc(), kEntry);
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop);
  EXPECT_EQ(Reg(CpuRegister::kLr), 0xFFFFFFFFu);
  EXPECT_EQ(Reg(CpuRegister::kXpsr), 0x01000000u);
  EXPECT_EQ(Run(1000), End::kTimeUp);
  EXPECT_EQ(chip().clock().now(), 1000u);
}

TEST_F(ExceptionsTest, SvcStacksTheFrame) {  // §B1.5.6, §B1.5.8
  Put(kEntry,
      {0x2011, 0x2122, 0xDF05, 0x2433, kBranchToSelf});  // movs r0, #0x11; movs r1, #0x22; svc #5; movs r4, #0x33
  Handle(kSvCall, {0x2000, kCountR5, kBranchToSelf});    // movs r0, #0; adds r5, #1
  Start();
  Run(20);
  EXPECT_EQ(Ipsr(), kSvCall);
  EXPECT_TRUE(nvic().IsActive(kSvCall));
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop - 32);
  EXPECT_EQ(Reg(CpuRegister::kLr), 0xFFFFFFF9u);
  EXPECT_EQ(Stacked(0), 0x11u);
  EXPECT_EQ(Stacked(1), 0x22u);
  EXPECT_EQ(Stacked(5), 0xFFFFFFFFu);
  EXPECT_EQ(Stacked(6), kEntry + 6);
  EXPECT_EQ(Stacked(7), 0x01000000u);
}

TEST_F(ExceptionsTest, ReturnRestoresWhatWasStacked) {
  Put(kEntry, {0x2011, 0xDF05, 0x2433, kBranchToSelf});
  Handle(kSvCall, {0x2000, kCountR5, kReturn});
  Start();
  Run(20);
  EXPECT_EQ(Ipsr(), 0u);
  EXPECT_FALSE(nvic().AnyActive());
  EXPECT_EQ(Reg(0), 0x11u);
  EXPECT_EQ(Reg(4), 0x33u);
  EXPECT_EQ(Reg(5), 1u);
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop);
}

TEST_F(ExceptionsTest, StackIsAlignedToEightAndBack) {  // §B1.5.7
  Put(kEntry, {0xB410, 0xDF00, kBranchToSelf});         // push {r4}; svc #0
  Handle(kSvCall, {kNop, kBranchToSelf});
  Start();
  Run(20);
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop - 4 - 4 - 32);
  EXPECT_EQ(Stacked(7) & 1u << 9, 1u << 9);
}

TEST_F(ExceptionsTest, ReturnUndoesTheAlignment) {
  Put(kEntry, {0xB410, 0xDF00, kBranchToSelf});
  Handle(kSvCall, {kReturn});
  Start();
  Run(20);
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop - 4);
}

TEST_F(ExceptionsTest, ThreadOnTheProcessStackIsStackedThere) {
  // ldr r0, =0x20004000; msr psp, r0; movs r0, #3; msr control, r0 (unprivileged, PSP); svc #0
  Put(kEntry, {0x4803, 0xF380, 0x8809, 0x2003, 0xF380, 0x8814, 0xDF00, kBranchToSelf, 0x4000, 0x2000});
  Handle(kSvCall, {0xF3EF, 0x8314, kBranchToSelf});  // mrs r3, control
  Start();
  Run(30);
  EXPECT_EQ(Reg(CpuRegister::kLr), 0xFFFFFFFDu);
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop);
  EXPECT_EQ(Reg(CpuRegister::kPsp), kRam + 0x4000 - 32);
  EXPECT_EQ(Reg(3), 1u);  // SPSEL reads as zero in a handler; nPRIV stays
  EXPECT_EQ(Read(kRam + 0x4000 - 32), 3u);
}

TEST_F(ExceptionsTest, ReturnToUnprivilegedThread) {
  Put(kEntry, {0x4803, 0xF380, 0x8809, 0x2003, 0xF380, 0x8814, 0xDF00, kBranchToSelf, 0x4000, 0x2000});
  Handle(kSvCall, {kReturn});
  Start();
  Run(30);
  EXPECT_EQ(Pc(), kEntry + 14);
  EXPECT_EQ(Reg(CpuRegister::kControl), 3u);
  EXPECT_EQ(Reg(CpuRegister::kSp), kRam + 0x4000);
}

TEST_F(ExceptionsTest, FloatingPointFrame) {                         // §B1.5.7: 26 words, EXC_RETURN bit 4 clear
  Put(kEntry, {0xEEB7, 0x0A00, 0xDF00, kBranchToSelf});              // vmov.f32 s0, #1.0; svc #0
  Handle(kSvCall, {0xF3EF, 0x8314, 0xEEB0, 0x0A00, kBranchToSelf});  // mrs r3, control; vmov.f32 s0, #2.0
  Start();
  Write(kCpacr, 0x00F00000);
  Run(20);
  EXPECT_EQ(Reg(CpuRegister::kLr), 0xFFFFFFE9u);
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop - 26 * 4);
  EXPECT_EQ(Stacked(8), 0x3F800000u);
  EXPECT_EQ(Reg(3), 0u) << "FPCA is cleared at entry";
  EXPECT_EQ(Reg(FloatRegister(0)), 0x40000000u);
}

TEST_F(ExceptionsTest, ReturnRestoresFloats) {
  Put(kEntry, {0xEEB7, 0x0A00, 0xDF00, kBranchToSelf});
  Handle(kSvCall, {0xEEB0, 0x0A00, kReturn});
  Start();
  Write(kCpacr, 0x00F00000);
  Run(20);
  EXPECT_EQ(Pc(), kEntry + 6);
  EXPECT_EQ(Reg(FloatRegister(0)), 0x3F800000u);
  EXPECT_EQ(Reg(CpuRegister::kControl), 4u);
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop);
}

TEST_F(ExceptionsTest, LowestPriorityNumberFirstThenLowestException) {  // §B1.5.4
  Put(kEntry, {kBranchToSelf});
  Handle(kIrq0, {kBranchToSelf});
  Handle(kIrq1, {kBranchToSelf});
  Start();
  Write(kIser0, 3);
  Write(kIpr0, 0x00002040);  // interrupt 1 before 0
  Write(kIspr0, 3);
  Run(20);
  EXPECT_EQ(Ipsr(), kIrq1);
  EXPECT_TRUE(nvic().IsPending(kIrq0));
  EXPECT_EQ(Read(kIcsr) >> 12 & 0x1FF, kIrq0);  // VECTPENDING
  Write(kIpr0, 0x00002000);                     // now it preempts
  Run(20);
  EXPECT_EQ(Ipsr(), kIrq0);
  EXPECT_TRUE(nvic().IsActive(kIrq1));
  EXPECT_EQ(Reg(CpuRegister::kLr), 0xFFFFFFF1u);  // from a handler
}

TEST_F(ExceptionsTest, SamePriorityWaits) {
  Put(kEntry, {kBranchToSelf});
  Handle(kIrq0, {kCountR4, kReturn});
  Handle(kIrq1, {kCountR5, kBranchToSelf});
  Start();
  Write(kIser0, 3);
  Write(kIspr0, 2);
  Run(20);
  Write(kIspr0, 1);
  Run(20);
  EXPECT_EQ(Ipsr(), kIrq1);
  EXPECT_EQ(Reg(4), 0u);
}

TEST_F(ExceptionsTest, SubpriorityOrdersButDoesNotPreempt) {  // §B1.5.4: PRIGROUP
  Put(kEntry, {kBranchToSelf});
  Handle(kIrq0, {kBranchToSelf});
  Handle(kIrq1, {kBranchToSelf});
  Start();
  Write(0xE000ED0C, 0x05FA0600);  // PRIGROUP 6: one bit of group priority
  Write(kIser0, 3);
  Write(kIpr0, 0x00004060);
  Write(kIspr0, 1);
  Run(20);
  Write(kIspr0, 2);
  Run(20);
  EXPECT_EQ(Ipsr(), kIrq0) << "0x40 and 0x60 are in the same group";
  EXPECT_TRUE(nvic().IsPending(kIrq1));
}

TEST_F(ExceptionsTest, TailChainingReusesTheFrame) {  // §B1.5.12
  Put(kEntry, {kBranchToSelf});
  Handle(kIrq0, {0x2007, kReturn});        // movs r0, #7, which a return would undo
  Handle(kIrq1, {0x0005, kBranchToSelf});  // movs r5, r0
  Start();
  Write(kIser0, 3);
  Write(kIspr0, 3);
  Run(20);
  EXPECT_EQ(Ipsr(), kIrq1);
  EXPECT_EQ(Reg(5), 7u);
  EXPECT_EQ(Reg(CpuRegister::kMsp), kStackTop - 32);
  EXPECT_EQ(Reg(CpuRegister::kLr), 0xFFFFFFF9u);
}

TEST_F(ExceptionsTest, PrimaskHoldsInterruptsBackUntilItIsCleared) {  // §B1.4.3
  // cpsid i; nop; adds r4, #1; cpsie i; b .
  Put(kEntry, {0xB672, kNop, kCountR4, 0xB662, kBranchToSelf});
  Handle(kIrq0, {0x0025, kBranchToSelf});  // movs r5, r4
  Start();
  Run(1);
  Write(kIser0, 1);
  Write(kIspr0, 1);
  Run(20);
  EXPECT_EQ(Ipsr(), kIrq0);
  EXPECT_EQ(Reg(5), 1u);
  EXPECT_EQ(Stacked(6), kEntry + 8);
}

TEST_F(ExceptionsTest, BasepriHoldsBackInterruptsThatAreNotHigher) {
  Put(kEntry, {0x2040, 0xF380, 0x8811, kBranchToSelf});  // movs r0, #0x40; msr basepri, r0
  Handle(kIrq0, {kBranchToSelf});
  Handle(kIrq1, {kBranchToSelf});
  Start();
  Run(5);
  Write(kIser0, 3);
  Write(kIpr0, 0x00002040);
  Write(kIspr0, 1);
  Run(20);
  EXPECT_EQ(Ipsr(), 0u);
  Write(kIspr0, 2);
  Run(20);
  EXPECT_EQ(Ipsr(), kIrq1);
}

TEST_F(ExceptionsTest, ReturnClearsFaultmask) {
  Put(kEntry, {0xDF00, kBranchToSelf});
  Handle(kSvCall, {0xB671, kReturn});  // cpsid f
  Start();
  Run(20);
  EXPECT_EQ(Pc(), kEntry + 2);
  EXPECT_EQ(Reg(CpuRegister::kFaultmask), 0u);
}

TEST_F(ExceptionsTest, PendSvWaitsForHigherPriorities) {
  Put(kEntry, {0xDF00, kBranchToSelf});
  // ldr r0, =ICSR; movs r1, #1; lsls r1, #28; str r1, [r0]; adds r4, #1; bx lr
  Handle(kSvCall, {0x4802, 0x2101, 0x0709, 0x6001, kCountR4, kReturn, 0xED04, 0xE000});
  Handle(kPendSv, {0x0025, kReturn});  // movs r5, r4
  Start();
  Write(0xE000ED20, 0x00E00000);
  Run(40);
  EXPECT_EQ(Reg(5), 1u);
  EXPECT_EQ(Ipsr(), 0u);
  EXPECT_FALSE(nvic().IsPending(kPendSv));
}

TEST_F(ExceptionsTest, LineThatStaysHighInterruptsAgain) {  // §B3.4.1
  Put(kEntry, {kBranchToSelf});
  Handle(kIrq0, {kCountR4, kReturn});
  Start();
  Write(kIser0, 1);
  nvic().Set(0, true);
  Run(30);
  EXPECT_GT(Reg(4), 2u);
  nvic().Set(0, false);
  Run(30);
  const uint32_t count = Reg(4);
  Run(30);
  EXPECT_EQ(Reg(4), count);
  EXPECT_EQ(Ipsr(), 0u);
}

TEST_F(ExceptionsTest, DisabledFaultEscalates) {  // §B1.5.14
  Put(kEntry, {kUndefinedOp});
  Handle(kHardFault, {kBranchToSelf});
  Start();
  Run(20);
  EXPECT_EQ(Ipsr(), kHardFault);
  EXPECT_EQ(Read(kHfsr), 1u << 30);
  EXPECT_EQ(Read(kCfsr), 1u << 16);
  EXPECT_EQ(Stacked(6), kEntry);
}

struct FaultRow {
  const char* name;
  std::vector<uint16_t> code;
  uint32_t faulting;  // the stacked return address
  unsigned exception;
  uint32_t cfsr;
};

class FaultTest : public CoreFixture, public testing::WithParamInterface<FaultRow> {};

TEST_P(FaultTest, IsTakenIfEnabled) {  // §B1.5.14, §B3.2.15
  const FaultRow& row = GetParam();
  PutCode(kEntry, row.code);
  for (const unsigned exception : {kHardFault, kMemManage, kBusFault, kUsageFault}) Handle(exception, {kBranchToSelf});
  Start();
  Write(kShcsr, 7u << 16);
  Write(kCcr, 1u << 9 | 1u << 4 | 1u << 3);  // STKALIGN, DIV_0_TRP, UNALIGN_TRP
  Run(40);
  EXPECT_EQ(Ipsr(), row.exception);
  EXPECT_EQ(Read(kCfsr), row.cfsr);
  EXPECT_EQ(Read(Reg(CpuRegister::kMsp) + 24), row.faulting);
  EXPECT_EQ(Read(kHfsr), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, FaultTest,
    testing::Values(
        FaultRow{"Undefined", {kNop, kUndefinedOp}, kEntry + 2, kUsageFault, 1u << 16},
        FaultRow{"ArmState", {0x4800, 0x4700, 0x0500, 0x0000}, 0x500, kUsageFault, 1u << 17},  // ldr r0, =0x500; bx r0
        FaultRow{"NoFpu", {kNop, 0xEEB7, 0x0A00}, kEntry + 2, kUsageFault, 1u << 19},          // vmov.f32 s0, #1.0
        FaultRow{"DivideByZero", {kNop, 0xFB91, 0xF3F2}, kEntry + 2, kUsageFault, 1u << 25},   // sdiv r3, r1, r2
        // movs r0, #2; ldrd r1, r2, [r0]
        FaultRow{"UnalignedPair", {0x2002, 0xE9D0, 0x1200}, kEntry + 2, kUsageFault, 1u << 24},
        FaultRow{"UnalignedWord", {0x2002, 0x6801}, kEntry + 2, kUsageFault, 1u << 24},  // movs r0, #2; ldr r1, [r0]
        // ldr r0, =0x30000000; ldr r1, [r0]
        FaultRow{"Load", {0x4801, 0x6801, kNop, kNop, 0x0000, 0x3000}, kEntry + 2, kBusFault, 0x8200},
        FaultRow{"Store", {0x4801, 0x6001, kNop, kNop, 0x0000, 0x3000}, kEntry + 2, kBusFault, 0x8200},
        FaultRow{"Fetch", {0x4801, 0x4700, kNop, kNop, 0x0001, 0x3000}, 0x30000000, kBusFault, 0x100},
        FaultRow{"ExecuteNever", {0x4801, 0x4700, kNop, kNop, 0x0001, 0x4000}, 0x40000000, kMemManage, 1}),
    [](const auto& test) { return test.param.name; });

TEST_F(ExceptionsTest, BusFaultRecordsTheAddress) {
  Put(kEntry, {0x4801, 0x6801, kNop, kNop, 0x0004, 0x3000});
  Handle(kHardFault, {kBranchToSelf});
  Start();
  Run(20);
  EXPECT_EQ(Read(0xE000ED38), 0x30000004u);
}

TEST_F(ExceptionsTest, FaultInHardFaultLocksUp) {  // §B1.5.15
  Put(kEntry, {kUndefinedOp});
  Handle(kHardFault, {kUndefinedOp});
  Start();
  EXPECT_EQ(Run(), End::kLockedUp);
  EXPECT_EQ(Pc(), 0xFFFFFFFEu);
  EXPECT_EQ(Ipsr(), kHardFault);
  EXPECT_EQ(Read(kDhcsr) & 1u << 19, 1u << 19);
}

TEST_F(ExceptionsTest, SvcThatCannotBeTakenIsAHardFault) {
  Put(kEntry, {0xB672, 0xDF00, kBranchToSelf});  // cpsid i; svc #0
  Handle(kHardFault, {kBranchToSelf});
  Start();
  Run(20);
  EXPECT_EQ(Ipsr(), kHardFault);
  EXPECT_EQ(Read(kHfsr), 1u << 30);
}

TEST_F(ExceptionsTest, UnmappedStackFaults) {  // §B1.5.6: derived exceptions
  PutWords(0, {0x30000000, kEntry | 1});
  Put(kEntry, {0xDF00});
  Handle(kHardFault, {kBranchToSelf});
  Start();
  Run(20);
  EXPECT_EQ(Ipsr(), kHardFault);
  EXPECT_EQ(Read(kCfsr), 1u << 12);  // STKERR
}

TEST_F(ExceptionsTest, ErasedFlashLocksUpAtOnce) {
  PutWords(0, {0xFFFFFFFF, 0xFFFFFFFF});
  Start();
  EXPECT_EQ(Run(), End::kLockedUp);
  EXPECT_LT(chip().clock().now(), 100u);
}

struct BadVectorsRow {
  const char* name;
  uint32_t stack;
  uint32_t vectors;  // all of them
};
class BadVectorsTest : public CoreFixture, public testing::WithParamInterface<BadVectorsRow> {};

TEST_P(BadVectorsTest, LockUpTheCore) {  // §B1.5.15
  PutWords(0, {GetParam().stack, GetParam().vectors, GetParam().vectors, GetParam().vectors});
  Start();
  EXPECT_EQ(Run(), End::kLockedUp);
  EXPECT_EQ(Pc(), 0xFFFFFFFEu);
  EXPECT_EQ(Ipsr(), kHardFault);
  EXPECT_EQ(Read(kDhcsr) & 1u << 19, 1u << 19);
}

INSTANTIATE_TEST_SUITE_P(Tables, BadVectorsTest,
                         testing::Values(BadVectorsRow{"OfAnotherChip", kStackTop, 0x08000101},
                                         BadVectorsRow{"NotThumb", kStackTop, kEntry},
                                         BadVectorsRow{"IntoPeripherals", kStackTop, 0x40000001},
                                         BadVectorsRow{"BadStackToo", 0xFFFFFFF0, 0xFFFFFFFF}),
                         [](const auto& test) { return test.param.name; });

struct ReturnRow {
  const char* name;
  uint32_t exc_return;
};
class BadReturnTest : public CoreFixture, public testing::WithParamInterface<ReturnRow> {};

TEST_P(BadReturnTest, IsAUsageFault) {  // §B1.5.8: integrity checks
  Put(kEntry, {0xDF00, kBranchToSelf});
  Handle(kSvCall, {0x4800, 0x4700, static_cast<uint16_t>(GetParam().exc_return), 0xFFFF});  // ldr r0, =…; bx r0
  Handle(kUsageFault, {kBranchToSelf});
  Start();
  Write(kShcsr, 1u << 18);
  Run(30);
  EXPECT_EQ(Ipsr(), kUsageFault);
  EXPECT_EQ(Read(kCfsr), 1u << 18);
  EXPECT_FALSE(nvic().IsActive(kSvCall));
}

INSTANTIATE_TEST_SUITE_P(Returns, BadReturnTest,
                         testing::Values(ReturnRow{"Reserved", 0xFFFFFFF5},
                                         ReturnRow{"ToAHandlerThatIsNotActive", 0xFFFFFFF1}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace probegate::sim
