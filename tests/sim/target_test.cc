#include "gtest/gtest.h"
#include "sim/target/chip.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kCsw = 0x00;
constexpr uint8_t kTar = 0x04;
constexpr uint8_t kDrw = 0x0C;
constexpr uint8_t kBd0 = 0x10;
constexpr uint32_t kIncrement = 1u << 4;
constexpr uint32_t kRam = Chip::kRamBase;
constexpr uint32_t kDhcsr = 0xE000EDF0;
constexpr uint32_t kDcrsr = 0xE000EDF4;
constexpr uint32_t kDcrdr = 0xE000EDF8;
constexpr uint32_t kDemcr = 0xE000EDFC;
constexpr uint32_t kDfsr = 0xE000ED30;
constexpr uint32_t kAircr = 0xE000ED0C;
constexpr uint32_t kKey = 0xA05F0000;
constexpr uint32_t kHalted = 1u << 17;
constexpr uint32_t kRegReady = 1u << 16;
constexpr uint32_t kWasReset = 1u << 25;

class TargetTest : public testing::Test {
 protected:
  uint32_t Read(uint32_t address) { return chip_.bus().Read(address, 4).value(); }
  void Write(uint32_t address, uint32_t value) { ASSERT_TRUE(chip_.bus().Write(address, 4, value)); }
  uint32_t ReadRegister(uint32_t selector) {
    Write(kDcrsr, selector);
    return Read(kDcrdr);
  }
  void WriteRegister(uint32_t selector, uint32_t value) {
    Write(kDcrdr, value);
    Write(kDcrsr, selector | 1u << 16);
  }

  Chip chip_{1};
  MemAp ap_{chip_.bus(), kRomTableBase | 3};
};

TEST_F(TargetTest, CswKeepsOnlyImplementedBits) {
  EXPECT_EQ(ap_.Read(kCsw), 0x23000042u);
  ap_.Write(kCsw, 0xFFFFFFD1);
  EXPECT_EQ(ap_.Read(kCsw), 0x2F000051u);
  ap_.Write(kCsw, 0x23000022);  // packed
  EXPECT_EQ(ap_.Read(kCsw), 0x23000042u);
}

TEST_F(TargetTest, TheSystemControlSpaceRefusesUserAccesses) {
  ap_.Write(kCsw, 0x21000002);
  ap_.Write(kTar, kDhcsr);
  EXPECT_EQ(ap_.Read(kDrw), std::nullopt);
  EXPECT_FALSE(ap_.Write(kDrw, kKey));
  EXPECT_EQ(ap_.Read(kBd0), std::nullopt);
  ap_.Write(kTar, kRam);
  EXPECT_TRUE(ap_.Write(kDrw, 1));
  ap_.Write(kCsw, 0x23000002);
  ap_.Write(kTar, kDhcsr);
  EXPECT_NE(ap_.Read(kDrw), std::nullopt);
}

TEST_F(TargetTest, TarWrapsAtFourKibibytes) {
  ap_.Write(kCsw, 2 | kIncrement);
  ap_.Write(kTar, kRam + 0x1FFC);
  ap_.Write(kDrw, 1);
  EXPECT_EQ(ap_.Read(kTar), kRam + 0x1000);
  ap_.Write(kTar, kRam + 0x03FC);
  ap_.Read(kDrw);
  EXPECT_EQ(ap_.Read(kTar), kRam + 0x0400);
}

TEST_F(TargetTest, TarStaysWithoutIncrementAndAfterAFault) {
  ap_.Write(kCsw, 2);
  ap_.Write(kTar, kRam);
  ap_.Read(kDrw);
  EXPECT_EQ(ap_.Read(kTar), kRam);
  ap_.Write(kCsw, 2 | kIncrement);
  ap_.Write(kTar, kRam + Chip::kRamSize);
  EXPECT_EQ(ap_.Read(kDrw), std::nullopt);
  EXPECT_FALSE(ap_.Write(kDrw, 0));
  EXPECT_EQ(ap_.Read(kTar), kRam + Chip::kRamSize);
}

TEST_F(TargetTest, BytesAndHalfwordsAreInTheirLanes) {
  Write(kRam, 0);
  ap_.Write(kCsw, 0 | kIncrement);
  ap_.Write(kTar, kRam);
  for (int i = 0; i < 4; ++i) ap_.Write(kDrw, 0x44332211);
  EXPECT_EQ(Read(kRam), 0x44332211u);
  ap_.Write(kTar, kRam + 2);
  EXPECT_EQ(ap_.Read(kDrw), 0x00330000u);
  EXPECT_EQ(ap_.Read(kDrw), 0x44000000u);
  ap_.Write(kCsw, 1 | kIncrement);
  ap_.Write(kTar, kRam + 2);
  EXPECT_EQ(ap_.Read(kDrw), 0x44330000u);
  EXPECT_EQ(ap_.Read(kTar), kRam + 4);
  ap_.Write(kTar, kRam + 2);
  ap_.Write(kDrw, 0xAABBCCDD);
  EXPECT_EQ(Read(kRam), 0xAABB2211u);
}

TEST_F(TargetTest, MisalignedAccessesFault) {
  ap_.Write(kCsw, 2);
  ap_.Write(kTar, kRam + 2);
  EXPECT_EQ(ap_.Read(kDrw), std::nullopt);
}

TEST_F(TargetTest, BankedDataRegistersReachFourWords) {
  ap_.Write(kCsw, 0);  // has no effect: banked accesses are always words
  ap_.Write(kTar, kRam + 0x24);
  for (uint8_t i = 0; i < 4; ++i) EXPECT_TRUE(ap_.Write(static_cast<uint8_t>(kBd0 + 4 * i), 100u + i));
  for (uint8_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Read(kRam + 0x20 + 4u * i), 100u + i);
    EXPECT_EQ(ap_.Read(static_cast<uint8_t>(kBd0 + 4 * i)), 100u + i);
  }
  EXPECT_EQ(ap_.Read(kTar), kRam + 0x24);
}

TEST_F(TargetTest, MemoryMapHasTheRightLimits) {
  EXPECT_EQ(Read(Chip::kFlashSize - 4), 0xFFFFFFFFu);
  Write(0, 0x1234);
  EXPECT_EQ(Read(0), 0xFFFFFFFFu);
  Write(kRam + Chip::kRamSize - 4, 7);
  EXPECT_EQ(Read(kRam + Chip::kRamSize - 4), 7u);
  for (const uint32_t address :
       {Chip::kFlashSize, kRam - 4, kRam + Chip::kRamSize, 0x40080000u, 0xE0003000u, 0xFFFFFFFCu}) {
    EXPECT_EQ(chip_.bus().Read(address, 4), std::nullopt) << address;
    EXPECT_FALSE(chip_.bus().Write(address, 4, 0)) << address;
  }
}

TEST_F(TargetTest, RamNoiseFollowsTheSeed) {
  Chip same(1);
  Chip other(2);
  EXPECT_EQ(same.bus().Read(kRam + 64, 4), Read(kRam + 64));
  EXPECT_NE(other.bus().Read(kRam + 64, 4), Read(kRam + 64));
}

TEST_F(TargetTest, RomTableLeadsToComponents) {
  for (uint32_t entry = kRomTableBase; Read(entry) != 0; entry += 4) {
    const uint32_t base = kRomTableBase + (Read(entry) & 0xFFFFF000);
    EXPECT_EQ(Read(base + 0xFF0), 0x0Du) << base;
    EXPECT_EQ(Read(base + 0xFFC), 0xB1u) << base;
    EXPECT_EQ(Read(base + 0xFD0), 4u) << base;
  }
  EXPECT_EQ(Read(kRomTableBase + 0x18), 0u);
  EXPECT_EQ(Read(0xE000ED00), 0x410FC241u);
}

TEST_F(TargetTest, HaltsAndResumesOnlyWithTheKey) {
  Write(kDhcsr, 3);
  EXPECT_EQ(Read(kDhcsr) & kHalted, 0u);
  Write(kDhcsr, kKey | 2);  // without C_DEBUGEN
  EXPECT_EQ(Read(kDhcsr) & (kHalted | 3), 0u);
  Write(kDhcsr, kKey | 3);
  EXPECT_EQ(Read(kDhcsr) & (kHalted | 3), kHalted | 3);
  EXPECT_EQ(Read(kDfsr), 1u);
  Write(kDfsr, 1);
  EXPECT_EQ(Read(kDfsr), 0u);
  Write(kDhcsr, kKey | 1);
  EXPECT_EQ(Read(kDhcsr) & (kHalted | 3), 1u);
}

TEST_F(TargetTest, ResetStatusClearsWhenRead) {
  EXPECT_EQ(Read(kDhcsr) & kWasReset, kWasReset);
  EXPECT_EQ(Read(kDhcsr) & kWasReset, 0u);
  Write(kAircr, 0x05FA0004);
  EXPECT_EQ(Read(kDhcsr) & kWasReset, kWasReset);
}

TEST_F(TargetTest, RegistersMoveOnlyWhileHalted) {
  Write(kDcrsr, 3);
  EXPECT_EQ(Read(kDhcsr) & kRegReady, 0u);
  Write(kDhcsr, kKey | 3);
  WriteRegister(3, 0xCAFE);
  EXPECT_EQ(Read(kDhcsr) & kRegReady, kRegReady);
  WriteRegister(0x45, 0x3FC00000);
  WriteRegister(15, 0x101);
  WriteRegister(17, 0x20001003);
  EXPECT_EQ(ReadRegister(3), 0xCAFEu);
  EXPECT_EQ(ReadRegister(0x45), 0x3FC00000u);
  EXPECT_EQ(ReadRegister(15), 0x100u);
  EXPECT_EQ(ReadRegister(13), 0x20001000u);
  WriteRegister(20, 0x02000000);  // CONTROL.SPSEL
  WriteRegister(13, 0x20002000);
  EXPECT_EQ(ReadRegister(18), 0x20002000u);
  EXPECT_EQ(ReadRegister(17), 0x20001000u);
}

TEST_F(TargetTest, StepHaltsAgain) {
  Write(kDhcsr, kKey | 3);
  Write(kDfsr, 1);
  Write(kDhcsr, kKey | 5);
  EXPECT_EQ(Read(kDhcsr) & (kHalted | 2), kHalted | 2);
  EXPECT_EQ(Read(kDfsr), 1u);
}

TEST_F(TargetTest, VectorCatchHaltsAfterAReset) {
  Write(kDhcsr, kKey | 1);
  Write(kDemcr, 1);
  Write(kAircr, 0x05FA0004);
  EXPECT_EQ(Read(kDhcsr) & kHalted, kHalted);
  EXPECT_EQ(Read(kDfsr), 8u);
  EXPECT_EQ(Read(kDemcr), 1u);
  EXPECT_EQ(ReadRegister(14), 0xFFFFFFFFu);
}

TEST_F(TargetTest, ResetPinHoldsTheCoreAndKeepsDebugState) {
  Write(0xE0002000, 3);
  Write(0xE000ED08, 0x20000000);
  Write(kDemcr, 0x01000000);
  chip_.SetReset(true);
  EXPECT_TRUE(chip_.processor().held());
  Write(kDhcsr, kKey | 3);
  EXPECT_EQ(Read(kDhcsr) & (kHalted | kWasReset), kWasReset);
  chip_.SetReset(false);
  EXPECT_EQ(Read(kDhcsr) & kHalted, kHalted);
  EXPECT_EQ(Read(0xE000ED08), 0u);
  EXPECT_EQ(Read(0xE0002000), 0x261u);
  EXPECT_EQ(Read(kDemcr), 0x01000000u);
}

TEST_F(TargetTest, BreakpointControlNeedsItsKey) {
  Write(0xE0002000, 1);
  EXPECT_EQ(Read(0xE0002000), 0x260u);
  Write(0xE0002008, 0x48000101);
  EXPECT_EQ(Read(0xE0002008), 0x48000101u);
}

TEST_F(TargetTest, RegistersCanBeReadInBytes) {
  EXPECT_EQ(chip_.bus().Read(0xE000ED01, 1), 0xC2u);
  EXPECT_EQ(chip_.bus().Read(0xE000ED02, 2), 0x410Fu);
}

}  // namespace
}  // namespace probegate::sim
