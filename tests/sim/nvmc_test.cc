#include "sim/peripherals/nvmc.h"

#include "gtest/gtest.h"
#include "peripheral_parts.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kReady = 0x400;
constexpr uint32_t kReadyNext = 0x408;
constexpr uint32_t kConfig = 0x504;
constexpr uint32_t kErasePage = 0x508;
constexpr uint32_t kEraseAll = 0x50C;
constexpr uint32_t kEraseUicr = 0x514;
constexpr uint32_t kErasePagePartial = 0x518;
constexpr uint32_t kErasePagePartialCfg = 0x51C;
constexpr uint32_t kErased = 0xFFFFFFFF;

class NvmcTest : public testing::Test {
 protected:
  uint32_t Read(uint32_t offset) { return ReadWord(nvmc_, offset); }
  void Write(uint32_t offset, uint32_t value) { WriteWord(nvmc_, offset, value); }
  void Pass(uint64_t microseconds) { clock_.AdvanceTo(clock_.now() + clock_.FromMicroseconds(microseconds)); }
  // Writes a word and waits until the controller is ready.
  void Program(Flash& memory, uint32_t offset, uint32_t value) {
    Write(kConfig, 1);
    WriteWord(memory, offset, value);
    Pass(41);
    Write(kConfig, 0);
  }

  SimClock clock_;
  Flash flash_{Erased(4 * 4096)};
  Flash uicr_{Erased(4096)};
  bool from_flash_ = false;
  Nvmc nvmc_{clock_, flash_, uicr_, [this] { return from_flash_; }, 1};
};

TEST_F(NvmcTest, WritesOnlyIfConfigAllowsIt) {
  for (Flash* memory : {&flash_, &uicr_}) {
    for (uint32_t config : {0u, 2u}) {
      Write(kConfig, config);
      WriteWord(*memory, 0x10, 0);
      EXPECT_EQ(ReadWord(*memory, 0x10), kErased);
      EXPECT_EQ(Read(kReady), 1u);
    }
    Program(*memory, 0x10, 0xFFFF1234);
    EXPECT_EQ(ReadWord(*memory, 0x10), 0xFFFF1234u);
    Program(*memory, 0x10, 0x1234FFFF);
    EXPECT_EQ(ReadWord(*memory, 0x10), 0x12341234u) << "bits only go to zero";
  }
}

TEST_F(NvmcTest, AWordTakesItsTime) {
  Write(kConfig, 1);
  WriteWord(flash_, 0, 1);
  EXPECT_EQ(Read(kReady), 0u);
  EXPECT_EQ(Read(kReadyNext), 1u) << "one more can wait";
  WriteWord(flash_, 4, 1);
  EXPECT_EQ(Read(kReadyNext), 0u);
  Pass(41);
  EXPECT_EQ(Read(kReady), 0u);
  EXPECT_EQ(Read(kReadyNext), 1u);
  Pass(40);
  EXPECT_EQ(Read(kReady), 0u);
  Pass(1);
  EXPECT_EQ(Read(kReady), 1u);
}

TEST_F(NvmcTest, ErasesOnlyIfConfigAllowsIt) {
  Program(flash_, 0x1000, 0);
  Program(uicr_, 0, 0);
  for (uint32_t config : {0u, 1u}) {
    Write(kConfig, config);
    Write(kErasePage, 0x1000);
    Write(kEraseAll, 1);
    Write(kEraseUicr, 1);
    EXPECT_EQ(ReadWord(flash_, 0x1000), 0u);
    EXPECT_EQ(ReadWord(uicr_, 0), 0u);
    EXPECT_EQ(Read(kReady), 1u);
  }
}

TEST_F(NvmcTest, ErasesThePageAndNoOther) {
  for (uint32_t offset : {0x0FFCu, 0x1000u, 0x1FFCu, 0x2000u}) Program(flash_, offset, 0);
  Write(kConfig, 2);
  Write(kErasePage, 0x1000);
  EXPECT_EQ(ReadWord(flash_, 0x1000), kErased);
  EXPECT_EQ(ReadWord(flash_, 0x1FFC), kErased);
  EXPECT_EQ(ReadWord(flash_, 0x0FFC), 0u);
  EXPECT_EQ(ReadWord(flash_, 0x2000), 0u);
  Pass(84'999);
  EXPECT_EQ(Read(kReady), 0u);
  Pass(1);
  EXPECT_EQ(Read(kReady), 1u);
}

TEST_F(NvmcTest, PagesOutsideFlashAreIgnored) {
  Write(kConfig, 2);
  for (uint32_t address : {0x4000u, 0x10001000u, 0xFFFFFFFFu}) Write(kErasePage, address);
  EXPECT_EQ(Read(kReady), 1u);
}

TEST_F(NvmcTest, ErasesUicrOrAll) {
  Program(flash_, 0, 0);
  Program(uicr_, 0x208, 0);
  Write(kConfig, 2);
  Write(kEraseUicr, 1);
  EXPECT_EQ(ReadWord(uicr_, 0x208), kErased);
  EXPECT_EQ(ReadWord(flash_, 0), 0u);
  Pass(85'000);
  Program(uicr_, 0x208, 0);
  Write(kConfig, 2);
  Write(kEraseAll, 0);
  EXPECT_EQ(ReadWord(flash_, 0), 0u);
  Write(kEraseAll, 1);
  EXPECT_EQ(ReadWord(flash_, 0), kErased);
  EXPECT_EQ(ReadWord(uicr_, 0x208), kErased);
  Pass(168'999);
  EXPECT_EQ(Read(kReady), 0u);
  Pass(1);
  EXPECT_EQ(Read(kReady), 1u);
}

TEST_F(NvmcTest, PartialErasesAddUp) {
  Program(flash_, 0x2000, 0);
  Write(kConfig, 2);
  Write(kErasePagePartialCfg, 30);
  for (int i = 0; i < 2; ++i) {
    Write(kErasePagePartial, 0x2000);
    EXPECT_EQ(Read(kReady), 0u);
    Pass(30'000);
    EXPECT_EQ(Read(kReady), 1u);
    EXPECT_EQ(ReadWord(flash_, 0x2000), 0u);
  }
  Write(kErasePagePartial, 0x2000);
  EXPECT_EQ(ReadWord(flash_, 0x2000), kErased);
  Pass(30'000);
  Program(flash_, 0x2000, 0);
  Write(kConfig, 2);
  Write(kErasePagePartial, 0x2000);
  EXPECT_EQ(ReadWord(flash_, 0x2000), 0u) << "counting starts again";
}

TEST_F(NvmcTest, ACoreInFlashIsStalled) {
  from_flash_ = true;
  Write(kConfig, 1);
  WriteWord(flash_, 0, 1);
  EXPECT_EQ(clock_.now(), clock_.FromMicroseconds(41));
  Write(kConfig, 2);
  Write(kErasePage, 0);
  EXPECT_EQ(clock_.now(), clock_.FromMicroseconds(41 + 85'000));
  EXPECT_EQ(Read(kReady), 1u);
}

TEST_F(NvmcTest, AnAlarmIsSetForTheEnd) {
  Write(kConfig, 2);
  Write(kErasePage, 0);
  EXPECT_EQ(clock_.next_due(), clock_.FromMicroseconds(85'000));
  clock_.AdvanceTo(clock_.next_due());
  EXPECT_EQ(Read(kReady), 1u);
  EXPECT_EQ(clock_.next_due(), SimClock::kNever);
}

TEST_F(NvmcTest, ResetForbidsWriting) {
  Write(kConfig, 1);
  nvmc_.Reset(ResetCause::kRequest);
  EXPECT_EQ(Read(kConfig), 0u);
  WriteWord(flash_, 0, 0);
  EXPECT_EQ(ReadWord(flash_, 0), kErased);
}

TEST(FlashSpeed, DividesDurations) {
  SimClock clock;
  Flash flash(Erased(4096));
  Flash uicr(Erased(4096));
  Nvmc nvmc(clock, flash, uicr, [] { return false; }, 10);
  WriteWord(nvmc, kConfig, 2);
  WriteWord(nvmc, kErasePage, 0);
  clock.AdvanceTo(clock.FromMicroseconds(8'499));
  EXPECT_EQ(ReadWord(nvmc, kReady), 0u);
  clock.AdvanceTo(clock.FromMicroseconds(8'500));
  EXPECT_EQ(ReadWord(nvmc, kReady), 1u);
}

}  // namespace
}  // namespace probegate::sim
