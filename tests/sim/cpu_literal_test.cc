// Accesses that are treated specially: literals that the FPB remaps (ARMv7-M Architecture Reference Manual §C1.11), and
// accesses of unprivileged code to the Private Peripheral Bus (§B3.1.1).
#include "core_fixture.h"

namespace probegate::sim {
namespace {

constexpr uint16_t kBranchToSelf = 0xE7FE;
constexpr uint16_t kLoadWord = 0x6801;  // ldr r1, [r0]
constexpr uint16_t kLoadHalf = 0x8801;
constexpr uint16_t kLoadByte = 0x7801;
constexpr uint16_t kStoreWord = 0x6001;
constexpr uint16_t kCountR4 = 0x3401;
constexpr uint32_t kFpCtrl = 0xE0002000;
constexpr uint32_t kFpRemap = 0xE0002004;
constexpr uint32_t kFpComp0 = 0xE0002008;
constexpr uint32_t kLiteral = 0x800;  // an address in flash
constexpr uint32_t kTable = kRam + 0x100;

class LiteralTest : public CoreFixture {
 protected:
  LiteralTest() { PutWords(kLiteral - 4, {0x11111111, 0x44332211, 0x22222222}); }

  // Executes the instruction at kEntry, which loads r1 from `address`, and returns r1.
  uint32_t Load(uint32_t address) {
    Halt();
    core().Write(CpuRegister::kPc, kEntry);
    SetReg(0, address);
    SetReg(1, 0);
    Step();
    return Reg(1);
  }
  void StartWith(uint16_t instruction) {
    Put(kEntry, {instruction, kCountR4, kBranchToSelf});
    Start();
    for (uint32_t i = 0; i < 8; ++i) Write(kTable + 4 * i, 0xA0B0C000 | i);
    Write(kFpRemap, kTable);
  }
};

TEST_F(LiteralTest, LoadComesFromTheTable) {  // §C1.11.4: the comparator's own word
  StartWith(kLoadWord);
  for (const unsigned comparator : {6u, 7u}) {
    Write(kFpCtrl, 3);
    Write(kFpComp0 + 4 * comparator, kLiteral | 1);
    EXPECT_EQ(Load(kLiteral), 0xA0B0C000u | comparator);
    EXPECT_EQ(Load(kLiteral - 4), 0x11111111u);
    EXPECT_EQ(Load(kLiteral + 4), 0x22222222u);
    EXPECT_EQ(Load(kLiteral + 2), 0x22224433u) << "an unaligned load is not remapped";
    Write(kFpCtrl, 2);
    EXPECT_EQ(Load(kLiteral), 0x44332211u) << "FP_CTRL.ENABLE is clear";
    Write(kFpComp0 + 4 * comparator, 0);
  }
}

TEST_F(LiteralTest, SmallerLoadsGetTheirBytesFromTheTable) {
  StartWith(kLoadByte);
  Write(kFpCtrl, 3);
  Write(kFpComp0 + 4 * 6, kLiteral | 1);
  EXPECT_EQ(Load(kLiteral + 3), 0xA0u);
  StartWith(kLoadHalf);
  Write(kFpCtrl, 3);
  Write(kFpComp0 + 4 * 6, kLiteral | 1);
  EXPECT_EQ(Load(kLiteral + 2), 0xA0B0u);
}

TEST_F(LiteralTest, DebuggerReadsTheOriginalLiteral) {
  StartWith(kLoadWord);
  Write(kFpCtrl, 3);
  Write(kFpComp0 + 4 * 6, kLiteral | 1);
  EXPECT_EQ(Load(kLiteral), 0xA0B0C006u);
  EXPECT_EQ(Read(kLiteral), 0x44332211u);
}

TEST_F(LiteralTest, ProgramMayPatchItselfWithoutADebugger) {
  // ldr r2, =FP_CTRL; movs r3, #3; str r3, [r2]; ldr r1, [r0]; b .
  Put(kEntry, {0x4A02, 0x2303, 0x6013, kLoadWord, kBranchToSelf, 0xBF00, 0x2000, 0xE000});
  Start();
  Write(kFpRemap, kTable);
  Write(kFpComp0 + 4 * 7, kLiteral | 1);
  Write(kTable + 4 * 7, 0x600D);
  SetReg(0, kLiteral);
  EXPECT_EQ(Run(50), End::kTimeUp);
  EXPECT_EQ(Reg(1), 0x600Du);
}

TEST_F(LiteralTest, UnmappedTableIsABusFault) {
  Handle(kHardFault, {kBranchToSelf});
  StartWith(kLoadWord);
  Write(kFpRemap, 0x3FFFFFE0);
  Write(kFpCtrl, 3);
  Write(kFpComp0 + 4 * 6, kLiteral | 1);
  SetReg(0, kLiteral);
  SetReg(1, 0x77);
  Run(50);
  EXPECT_EQ(Ipsr(), kHardFault);
  EXPECT_EQ(Read(kCfsr), 1u << 9 | 1u << 15);
  EXPECT_EQ(Reg(1), 0x77u) << "a load that fails loads nothing";
}

// ---- unprivileged code ----

struct PrivateRow {
  const char* name;
  uint32_t address;
  uint16_t access;
  uint32_t ccr;
  bool allowed;
};
class PrivateBusTest : public CoreFixture, public testing::WithParamInterface<PrivateRow> {};

TEST_P(PrivateBusTest, RefusesMostUnprivilegedAccesses) {
  const PrivateRow& row = GetParam();
  Put(kEntry, {row.access, kCountR4, kBranchToSelf});
  Handle(kBusFault, {kBranchToSelf});
  Start();
  Write(kShcsr, 1u << 17);
  Write(0xE000ED14, row.ccr);
  SetReg(0, row.address);
  SetReg(1, 5);
  core().Write(CpuRegister::kControl, 1);
  Run(50);
  EXPECT_EQ(Ipsr(), row.allowed ? 0u : unsigned{kBusFault});
  EXPECT_EQ(Reg(4), row.allowed ? 1u : 0u);
  if (row.allowed) return;
  EXPECT_EQ(Read(kCfsr), 1u << 9 | 1u << 15);
  EXPECT_EQ(Read(0xE000ED38), row.address);
  EXPECT_EQ(Read(Reg(CpuRegister::kMsp) + 24), kEntry);
  EXPECT_EQ(Reg(1), 5u);
}

constexpr uint32_t kStir = 0xE000EF00;
INSTANTIATE_TEST_SUITE_P(Rows, PrivateBusTest,
                         testing::Values(PrivateRow{"CpuidRead", 0xE000ED00, kLoadWord, 0, false},
                                         PrivateRow{"VtorWrite", 0xE000ED08, kStoreWord, 0, false},
                                         PrivateRow{"Dwt", 0xE0001000, kLoadWord, 0, false},
                                         PrivateRow{"StirWithoutUsersetmpend", kStir, kStoreWord, 0, false},
                                         PrivateRow{"StirWithUsersetmpend", kStir, kStoreWord, 2, true},
                                         PrivateRow{"StimulusPort", 0xE0000000, kStoreWord, 0, true},
                                         PrivateRow{"Peripheral", 0x50000504, kLoadWord, 0, true}),
                         [](const auto& test) { return test.param.name; });

TEST_F(LiteralTest, FailedLoadDoesNotChangeItsBaseRegister) {
  Put(kEntry, {0xF850, 0x1B04, kBranchToSelf});  // ldr r1, [r0], #4
  Handle(kHardFault, {kBranchToSelf});
  Start();
  SetReg(0, 0xE000ED00);
  SetReg(1, 5);
  core().Write(CpuRegister::kControl, 1);
  Run(50);
  EXPECT_EQ(Ipsr(), kHardFault);
  EXPECT_EQ(Reg(0), 0xE000ED00u);
  EXPECT_EQ(Reg(1), 5u);
}

}  // namespace
}  // namespace probegate::sim
