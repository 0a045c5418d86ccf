// A board with a DP of version 3: what SELECT addresses (IHI 0074).
#include "gtest/gtest.h"
#include "sim/target/chip.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kDpidr = 0x3BA03477;
constexpr uint32_t kStickyErr = 1u << 5;
constexpr uint32_t kRomTable = Adiv6Bus::kRomTable;
constexpr uint32_t kMemAp = Adiv6Bus::kMemAp;

class Adiv6Test : public testing::Test {
 protected:
  Adiv6Test() { Write(false, 0x4, 0x50000000); }

  uint32_t Read(bool ap, uint8_t address) { return Run({.ap = ap, .read = true, .address = address}, 0); }
  void Write(bool ap, uint8_t address, uint32_t value) { Run({.ap = ap, .read = false, .address = address}, value); }
  uint32_t Run(const SwdRequest& request, uint32_t value) {
    EXPECT_EQ(port().Judge(request), Ack::kOk);
    if (request.read) return port().Read(request);
    port().Write(request, value);
    return 0;
  }
  void Select(uint32_t value) { Write(false, 0x8, value); }
  uint32_t ReadDp(uint32_t bank, uint8_t address) {
    Select(bank);
    return Read(false, address);
  }
  uint32_t ReadRegister(uint32_t address) {
    Select(address & ~0xFu);
    Read(true, address & 0xC);
    return Read(false, 0xC);
  }
  void WriteRegister(uint32_t address, uint32_t value) {
    Select(address & ~0xFu);
    Write(true, address & 0xC, value);
  }
  bool Failed() {
    const bool failed = (port().ctrl_stat() & kStickyErr) != 0;
    Write(false, 0x0, 0x1E);
    return failed;
  }
  DebugPort& port() { return chip_.debug_port(); }

  Chip chip_{1, {}, {.kind = ChipKind::kAdiv6}};
};

TEST_F(Adiv6Test, DpRegistersAreBanked) {
  EXPECT_EQ(ReadDp(0, 0x0), kDpidr);
  EXPECT_EQ(ReadDp(1, 0x0), 0x20u);           // DPIDR1: 32-bit addresses
  EXPECT_EQ(ReadDp(2, 0x0), kRomTable | 1u);  // BASEPTR0
  EXPECT_EQ(ReadDp(3, 0x0), 0u);              // BASEPTR1
  EXPECT_EQ(ReadDp(0, 0x4) >> 28, 0xFu);
  port().LineReset();
  EXPECT_EQ(Read(false, 0x0), kDpidr);
}

TEST_F(Adiv6Test, BaseptrLeadsToARomTableThatLeadsToAMemAp) {
  const auto id = [&](uint32_t base, uint32_t offset) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; ++i) value |= (ReadRegister(base + offset + 4 * i) & 0xFF) << (8 * i);
    return value;
  };
  EXPECT_EQ(id(kRomTable, 0xFF0), 0xB105900Du);
  EXPECT_EQ(ReadRegister(kRomTable + 0xFBC), 0x47700AF7u);
  EXPECT_EQ(ReadRegister(kRomTable), (kMemAp - kRomTable) | 3);
  EXPECT_EQ(ReadRegister(kRomTable + 4), 0u);
  EXPECT_EQ(id(kMemAp, 0xFF0), 0xB105900Du);
  EXPECT_EQ(ReadRegister(kMemAp + 0xFBC), 0x47700A17u);
  EXPECT_EQ(ReadRegister(kMemAp + 0xDFC), 0x14770005u);
  EXPECT_EQ(ReadRegister(kMemAp + 0xDF8), 0xE00FF003u);
  EXPECT_EQ(ReadRegister(kMemAp + 0xDF4) >> 16 & 0xF, 3u);  // TAR increments within 4 KiB
  EXPECT_FALSE(Failed());
}

TEST_F(Adiv6Test, TheMemApReachesTheSameMemory) {
  WriteRegister(kMemAp + 0xD00, 0x23000052);
  WriteRegister(kMemAp + 0xD04, Chip::kRamBase);
  WriteRegister(kMemAp + 0xD0C, 0x12345678);
  WriteRegister(kMemAp + 0xD14, 0x9ABCDEF0);  // BD1
  EXPECT_EQ(chip_.bus().Read(Chip::kRamBase, 4), 0x12345678u);
  EXPECT_EQ(chip_.bus().Read(Chip::kRamBase + 4, 4), 0x9ABCDEF0u);
  EXPECT_EQ(ReadRegister(kMemAp + 0xD04), Chip::kRamBase + 4);
  EXPECT_FALSE(Failed());
}

TEST_F(Adiv6Test, AWrongSelectFails) {
  for (const uint32_t address : {0x0u, kMemAp + 0x1000, 0x01000DFCu, 0x80012DFCu}) {
    Select(address & ~0xFu);
    Read(true, address & 0xC);
    EXPECT_TRUE(Failed()) << address;
    Write(true, address & 0xC, 0);
    EXPECT_TRUE(Failed()) << address;
  }
  // An APv2 has no register at the offset of an APv1's CSW.
  EXPECT_EQ(ReadRegister(kMemAp), 0u);
  EXPECT_NE(ReadRegister(kMemAp + 0xD00), 0u);
}

TEST(Adiv6, HasNoAccessPortProtection) {
  FlashContents contents;
  contents.Write(CtrlAp::kUicrApprotect, CtrlAp::kProtected);
  EXPECT_TRUE(Chip(1, contents).locked());
  EXPECT_FALSE(Chip(1, contents, {.kind = ChipKind::kAdiv6}).locked());
}

}  // namespace
}  // namespace probegate::sim
