// The memory protection unit (ARMv7-M Architecture Reference Manual §B3.5).
#include "core_fixture.h"

namespace probegate::sim {
namespace {

constexpr uint16_t kBranchToSelf = 0xE7FE;
constexpr uint16_t kCountR4 = 0x3401;
constexpr uint16_t kLoad = 0x6801;   // ldr r1, [r0]
constexpr uint16_t kStore = 0x6001;  // str r1, [r0]
constexpr uint16_t kCall = 0x4700;   // bx r0
constexpr uint32_t kMmfar = 0xE000ED34;
constexpr uint32_t kMpuCtrl = 0xE000ED94;
constexpr uint32_t kMpuRnr = 0xE000ED98;
constexpr uint32_t kMpuRbar = 0xE000ED9C;
constexpr uint32_t kMpuRasr = 0xE000EDA0;
constexpr uint32_t kEnable = 1;
constexpr uint32_t kHfNmiEna = 2;
constexpr uint32_t kPrivDefEna = 4;
constexpr uint32_t kData = kRam + 0x400;  // the region that tests protect
constexpr uint32_t kPrivileged = 0;
constexpr uint32_t kUnprivileged = 1;

constexpr uint32_t Rasr(uint32_t permissions, unsigned log2_size, bool execute_never = false, uint32_t disabled = 0) {
  return (execute_never ? 1u << 28 : 0) | permissions << 24 | disabled << 8 | (log2_size - 1) << 1 | 1;
}

class MpuTest : public CoreFixture {
 protected:
  void Region(unsigned number, uint32_t base, uint32_t attributes) {
    Write(kMpuRbar, base | 1u << 4 | number);
    Write(kMpuRasr, attributes);
  }
  // Starts with one instruction at kEntry that uses kData, which is in r0. All code has full access to flash.
  void StartWith(uint16_t instruction) {
    Put(kEntry, {instruction, kCountR4, kBranchToSelf});
    for (const unsigned exception : {unsigned{kHardFault}, unsigned{kMemManage}}) Handle(exception, {kBranchToSelf});
    Start();
    Write(kShcsr, 1u << 16);
    Write(kData, 0xE7FE2407);  // movs r4, #7; b .
    Region(0, 0, Rasr(3, 20));
    SetReg(0, kData | (instruction == kCall ? 1 : 0));
    SetReg(1, 0x55);
  }
};

struct PermissionRow {
  const char* name;
  uint32_t permissions;
  uint16_t access;
  uint32_t mode;
  bool allowed;
};
class PermissionTest : public MpuTest, public testing::WithParamInterface<PermissionRow> {};

TEST_P(PermissionTest, IsEnforced) {
  const PermissionRow& row = GetParam();
  StartWith(row.access);
  Region(3, kData, Rasr(row.permissions, 8));
  Write(kMpuCtrl, kEnable | kPrivDefEna);
  core().Write(CpuRegister::kControl, row.mode);
  Run(50);
  EXPECT_EQ(Ipsr(), row.allowed ? 0u : unsigned{kMemManage});
  if (row.allowed) {
    EXPECT_EQ(Reg(4), 1u);
    return;
  }
  EXPECT_EQ(Read(kCfsr), 1u << 7 | 1u << 1);  // MMARVALID, DACCVIOL
  EXPECT_EQ(Read(kMmfar), kData);
  EXPECT_EQ(Read(Reg(CpuRegister::kMsp) + 24), kEntry);
  EXPECT_EQ(Reg(1), 0x55u);
  EXPECT_EQ(Read(kData), 0xE7FE2407u);
}

INSTANTIATE_TEST_SUITE_P(Rows, PermissionTest,
                         testing::Values(PermissionRow{"NoAccessRead", 0, kLoad, kPrivileged, false},
                                         PermissionRow{"NoAccessWrite", 0, kStore, kPrivileged, false},
                                         PermissionRow{"PrivilegedOnlyPrivilegedWrite", 1, kStore, kPrivileged, true},
                                         PermissionRow{"PrivilegedOnlyUnprivilegedRead", 1, kLoad, kUnprivileged,
                                                       false},
                                         PermissionRow{"UnprivilegedReadOnlyRead", 2, kLoad, kUnprivileged, true},
                                         PermissionRow{"UnprivilegedReadOnlyWrite", 2, kStore, kUnprivileged, false},
                                         PermissionRow{"FullAccessUnprivilegedWrite", 3, kStore, kUnprivileged, true},
                                         PermissionRow{"PrivilegedReadOnlyWrite", 5, kStore, kPrivileged, false},
                                         PermissionRow{"PrivilegedReadOnlyRead", 5, kLoad, kPrivileged, true},
                                         PermissionRow{"ReadOnlyUnprivilegedRead", 6, kLoad, kUnprivileged, true},
                                         PermissionRow{"ReadOnlyPrivilegedWrite", 6, kStore, kPrivileged, false}),
                         [](const auto& test) { return test.param.name; });

struct FetchRow {
  const char* name;
  uint32_t attributes;
  uint32_t mode;
  bool allowed;
};
class FetchTest : public MpuTest, public testing::WithParamInterface<FetchRow> {};

TEST_P(FetchTest, NeedsAnExecutableRegion) {
  const FetchRow& row = GetParam();
  StartWith(kCall);
  Region(3, kData, row.attributes);
  Write(kMpuCtrl, kEnable | kPrivDefEna);
  core().Write(CpuRegister::kControl, row.mode);
  Run(50);
  EXPECT_EQ(Ipsr(), row.allowed ? 0u : unsigned{kMemManage});
  EXPECT_EQ(Reg(4), row.allowed ? 7u : 0u);
  EXPECT_EQ(Read(kCfsr), row.allowed ? 0u : 1u);  // IACCVIOL
  if (!row.allowed) {
    EXPECT_EQ(Read(Reg(CpuRegister::kMsp) + 24), kData);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, FetchTest,
                         testing::Values(FetchRow{"Allowed", Rasr(3, 8), kUnprivileged, true},
                                         FetchRow{"ExecuteNever", Rasr(3, 8, true), kPrivileged, false},
                                         FetchRow{"NotReadable", Rasr(1, 8), kUnprivileged, false},
                                         FetchRow{"Privileged", Rasr(1, 8), kPrivileged, true}),
                         [](const auto& test) { return test.param.name; });

TEST_F(MpuTest, HighestRegionCountsExceptInDisabledSubregions) {
  StartWith(kLoad);
  Region(2, kData, Rasr(0, 10));
  Region(5, kData, Rasr(3, 8, false, 1u << 1));  // with its second subregion disabled
  Write(kMpuCtrl, kEnable | kPrivDefEna);
  Run(50);
  EXPECT_EQ(Ipsr(), 0u);
  Halt();
  core().Write(CpuRegister::kPc, kEntry);
  SetReg(0, kData + 0x20);
  Resume();
  Run(50);
  EXPECT_EQ(Ipsr(), kMemManage);
  EXPECT_EQ(Read(kMmfar), kData + 0x20);
}

TEST_F(MpuTest, AddressesInNoRegionNeedTheDefaultMap) {
  StartWith(kLoad);
  Write(kMpuCtrl, kEnable);
  Run(50);
  EXPECT_EQ(Ipsr(), kMemManage);
}

TEST_F(MpuTest, UnprivilegedCodeHasNoDefaultMap) {
  StartWith(kLoad);
  Write(kMpuCtrl, kEnable | kPrivDefEna);
  core().Write(CpuRegister::kControl, kUnprivileged);
  Run(50);
  EXPECT_EQ(Ipsr(), kMemManage);
}

TEST_F(MpuTest, HardFaultIsProtectedOnlyWithHfnmiena) {  // §B3.5.5: HFNMIENA
  for (const uint32_t more : {0u, kHfNmiEna}) {
    Handle(kHardFault, {kLoad, kCountR4, kBranchToSelf});
    StartWith(kLoad);
    Handle(kHardFault, {kLoad, kCountR4, kBranchToSelf});
    Start();
    SetReg(0, kData);
    Write(kShcsr, 0);  // MemManage becomes HardFault
    Region(0, 0, Rasr(3, 20));
    Write(kMpuCtrl, kEnable | more);
    Run(50);
    EXPECT_EQ(Ipsr(), kHardFault);
    EXPECT_EQ(chip().processor().locked_up(), more != 0);
    EXPECT_EQ(Reg(4), more != 0 ? 0u : 1u);
  }
}

TEST_F(MpuTest, ProgramCanEnableIt) {
  // ldr r2, =MPU_CTRL; movs r3, #5; str r3, [r2]; ldr r1, [r0]; adds r4, #1; b .
  Put(kEntry, {0x4A02, 0x2305, 0x6013, kLoad, kCountR4, kBranchToSelf, 0xED94, 0xE000});
  Handle(kMemManage, {kBranchToSelf});
  Start();
  Write(kShcsr, 1u << 16);
  Region(0, kData, Rasr(0, 8));
  SetReg(0, kData);
  Run(50);
  EXPECT_EQ(Ipsr(), kMemManage);
  EXPECT_EQ(Reg(4), 0u);
}

TEST_F(MpuTest, RegistersBelongToTheSelectedRegion) {
  Put(kEntry, {kBranchToSelf});
  Start();
  EXPECT_EQ(Read(0xE000ED90), 0x800u);
  for (uint32_t i = 0; i < 4; ++i) {  // RBAR and RASR by their aliases
    Write(kMpuRbar + 8 * i, 0x20000000 + 0x1000 * i + (1u << 4 | (i + 4)));
    Write(kMpuRasr + 8 * i, Rasr(i, 12));
  }
  for (uint32_t i = 0; i < 4; ++i) {
    Write(kMpuRnr, i + 4);
    EXPECT_EQ(Read(kMpuRbar), 0x20000000 + 0x1000 * i + i + 4);
    EXPECT_EQ(Read(kMpuRasr), Rasr(i, 12));
  }
  Write(0xE000ED0C, 0x05FA0004);
  EXPECT_EQ(Read(kMpuRasr), 0u);
}

}  // namespace
}  // namespace probegate::sim
