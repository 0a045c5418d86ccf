#include "sim/peripherals/gpio.h"

#include "gtest/gtest.h"
#include "peripheral_parts.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kP1 = 0x300;
constexpr uint32_t kOut = 0x504;
constexpr uint32_t kOutset = 0x508;
constexpr uint32_t kOutclr = 0x50C;
constexpr uint32_t kIn = 0x510;
constexpr uint32_t kDir = 0x514;
constexpr uint32_t kDirset = 0x518;
constexpr uint32_t kDirclr = 0x51C;
constexpr uint32_t kLatch = 0x520;
constexpr uint32_t kPinCnf = 0x700;

class GpioTest : public testing::Test {
 protected:
  uint32_t Read(uint32_t offset) { return ReadWord(gpio_, offset); }
  void Write(uint32_t offset, uint32_t value) { WriteWord(gpio_, offset, value); }

  Gpio gpio_;
};

TEST_F(GpioTest, SetsAndClearsBits) {
  for (uint32_t port : {0u, kP1}) {
    Write(port + kOut, 0x00F0);
    Write(port + kOutset, 0x0F00);
    Write(port + kOutclr, 0x0110);
    for (uint32_t offset : {kOut, kOutset, kOutclr}) EXPECT_EQ(Read(port + offset), 0x0EE0u);
    Write(port + kDir, 0x000F);
    Write(port + kDirset, 0x0010);
    Write(port + kDirclr, 0x0001);
    for (uint32_t offset : {kDir, kDirset, kDirclr}) EXPECT_EQ(Read(port + offset), 0x001Eu);
  }
  EXPECT_EQ(gpio_.out(1), 0x0EE0u);
  EXPECT_EQ(gpio_.dir(1), 0x001Eu);
}

TEST_F(GpioTest, BytesActOnlyOnTheirPins) {
  Write(kOut, 0x00FF);
  gpio_.Write(kOutset + 1, 1, 0x01);
  EXPECT_EQ(Read(kOut), 0x01FFu);
  gpio_.Write(kOut, 1, 0x0F);
  EXPECT_EQ(Read(kOut), 0x010Fu);
}

TEST_F(GpioTest, DirectionIsInPinCnfToo) {
  EXPECT_EQ(Read(kPinCnf), 2u);
  Write(kDirset, 1u << 6);
  EXPECT_EQ(Read(kPinCnf + 4 * 6), 3u);
  Write(kP1 + kPinCnf, 0x303);
  EXPECT_EQ(Read(kP1 + kDir), 1u);
  Write(kP1 + kPinCnf, 0x302);
  EXPECT_EQ(Read(kP1 + kDir), 0u);
}

TEST_F(GpioTest, PortOneHasSixteenPins) {
  Write(kP1 + kOut, 0xFFFFFFFF);
  EXPECT_EQ(Read(kP1 + kOut), 0xFFFFu);
  Write(kP1 + kPinCnf + 4 * 16, 0xFFFFFFFF);
  EXPECT_EQ(Read(kP1 + kPinCnf + 4 * 16), 0u);
}

TEST_F(GpioTest, OutputsDriveTheirPins) {
  Write(kDirset, 1u << 13);
  Write(kOutset, 1u << 13 | 1u << 14);
  EXPECT_EQ(gpio_.levels(0), 1u << 13);
  gpio_.Drive(0, 13, PinDrive::kLow);
  EXPECT_EQ(gpio_.levels(0), 1u << 13) << "an output ignores the external level";
  EXPECT_EQ(Read(kIn), 0u) << "the input buffer is off";
  Write(kPinCnf + 4 * 13, 1);
  EXPECT_EQ(Read(kIn), 1u << 13);
}

TEST_F(GpioTest, InputsShowExternalLevels) {
  Write(kPinCnf + 4 * 11, 0);
  EXPECT_EQ(Read(kIn), 0u);
  Write(kPinCnf + 4 * 11, 3u << 2);
  EXPECT_EQ(Read(kIn), 1u << 11) << "pulled up";
  gpio_.Drive(0, 11, PinDrive::kLow);
  EXPECT_EQ(Read(kIn), 0u);
  gpio_.Drive(0, 11, PinDrive::kHigh);
  EXPECT_EQ(Read(kIn), 1u << 11);
  Write(kPinCnf + 4 * 11, 1u << 2);
  gpio_.Drive(0, 11, PinDrive::kFloating);
  EXPECT_EQ(Read(kIn), 0u) << "pulled down";
}

TEST_F(GpioTest, OpenDrainDoesNotDriveHigh) {
  Write(kPinCnf + 4 * 2, 1 | 3u << 2 | 6u << 8);  // S0D1 with a pull-up
  Write(kOutset, 1u << 2);
  EXPECT_EQ(Read(kIn), 1u << 2);
  gpio_.Drive(0, 2, PinDrive::kLow);
  EXPECT_EQ(Read(kIn), 0u);
  gpio_.Drive(0, 2, PinDrive::kHigh);
  Write(kOutclr, 1u << 2);
  EXPECT_EQ(Read(kIn), 0u);
}

TEST_F(GpioTest, LatchesSensedLevels) {
  Write(kP1 + kPinCnf + 4 * 3, 3u << 2 | 3u << 16);  // pulled up, sense low
  EXPECT_EQ(Read(kP1 + kLatch), 0u);
  gpio_.Drive(1, 3, PinDrive::kLow);
  gpio_.Drive(1, 3, PinDrive::kFloating);
  EXPECT_EQ(Read(kP1 + kLatch), 1u << 3);
  Write(kP1 + kLatch, 1u << 3);
  EXPECT_EQ(Read(kP1 + kLatch), 0u);
}

TEST_F(GpioTest, ResetKeepsExternalLevels) {
  gpio_.Drive(0, 1, PinDrive::kHigh);
  Write(kDirset, 1);
  Write(kOutset, 1);
  gpio_.Reset(ResetCause::kPin);
  EXPECT_EQ(Read(kDir), 0u);
  EXPECT_EQ(Read(kOut), 0u);
  EXPECT_EQ(gpio_.levels(0), 2u);
}

}  // namespace
}  // namespace probegate::sim
