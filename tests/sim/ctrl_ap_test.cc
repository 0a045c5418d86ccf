#include "sim/peripherals/ctrl_ap.h"

#include <vector>

#include "gtest/gtest.h"
#include "peripheral_parts.h"
#include "sim/target/mem_ap.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kReset = 0x00;
constexpr uint8_t kEraseAll = 0x04;
constexpr uint8_t kEraseAllStatus = 0x08;
constexpr uint8_t kApprotectStatus = 0x0C;

std::vector<uint8_t> Locked() {
  std::vector<uint8_t> bytes = Erased(4096);
  bytes[0x208] = 0;
  return bytes;
}

class CtrlApTest : public testing::Test {
 protected:
  explicit CtrlApTest(const std::vector<uint8_t>& uicr = Erased(4096)) : uicr_(uicr) { bus_.Map(0x20000000, ram_); }

  SimClock clock_;
  Flash flash_{std::vector<uint8_t>(4096, 0x12)};
  Flash uicr_;
  Ram ram_{4096, 1};
  Bus bus_;
  std::vector<bool> resets_;
  Nvmc nvmc_{clock_, flash_, uicr_, [] { return false; }, 1};
  CtrlAp ap_{nvmc_, uicr_, ram_, [this](bool held) { resets_.push_back(held); }};
  MemAp mem_ap_{bus_, 0, {}, [this] { return !ap_.locked(); }};
};

class LockedTest : public CtrlApTest {
 protected:
  LockedTest() : CtrlApTest(Locked()) {}
};

TEST_F(CtrlApTest, IdentifiesItself) {
  EXPECT_EQ(ap_.Read(0xFC), 0x02880000u);
  EXPECT_EQ(ap_.Read(kApprotectStatus), 1u);
  EXPECT_EQ(ap_.Read(kEraseAllStatus), 0u);
  EXPECT_EQ(ap_.Read(0x10), 0u);
}

TEST_F(CtrlApTest, HoldsTheChipInReset) {
  ap_.Write(kReset, 1);
  ap_.Write(kReset, 1);
  EXPECT_EQ(ap_.Read(kReset), 1u);
  ap_.Write(kReset, 0);
  EXPECT_EQ(ap_.Read(kReset), 0u);
  EXPECT_EQ(resets_, (std::vector<bool>{true, false}));
}

TEST_F(CtrlApTest, ErasesEverything) {
  WriteWord(nvmc_, 0x504, 1);
  WriteWord(uicr_, 0, 0);
  ap_.Write(kEraseAll, 0);
  EXPECT_EQ(ReadWord(flash_, 0), 0x12121212u);
  clock_.AdvanceTo(clock_.next_due());
  EXPECT_EQ(ap_.Read(kEraseAllStatus), 0u);
  ap_.Write(kEraseAll, 1);
  EXPECT_EQ(ap_.Read(kEraseAllStatus), 1u);
  clock_.AdvanceTo(clock_.next_due());
  EXPECT_EQ(ap_.Read(kEraseAllStatus), 0u);
  EXPECT_EQ(ReadWord(flash_, 0), 0xFFFFFFFFu);
  EXPECT_EQ(ReadWord(uicr_, 0), 0xFFFFFFFFu);
  EXPECT_EQ(ReadWord(ram_, 0x100), 0u);
}

TEST_F(CtrlApTest, LocksAtTheResetAfterTheWrite) {
  WriteWord(nvmc_, 0x504, 1);
  WriteWord(uicr_, 0x208, 0xFFFFFF00);
  EXPECT_FALSE(ap_.locked());
  ap_.Reset(ResetCause::kPin);
  EXPECT_TRUE(ap_.locked());
}

TEST_F(LockedTest, BlocksTheAhbAp) {
  EXPECT_EQ(ap_.Read(kApprotectStatus), 0u);
  EXPECT_EQ(mem_ap_.Read(0x00), 0x23000002u) << "DeviceEn";
  EXPECT_EQ(mem_ap_.Read(0xFC), 0x24770011u);
  mem_ap_.Write(0x04, 0x20000000);
  EXPECT_EQ(mem_ap_.Read(0x0C), std::nullopt);
  EXPECT_FALSE(mem_ap_.Write(0x0C, 1));
  EXPECT_EQ(mem_ap_.Read(0x10), std::nullopt);
  EXPECT_FALSE(mem_ap_.Write(0x10, 1));
}

TEST_F(LockedTest, IsUnlockedByEraseAll) {
  ap_.Write(kEraseAll, 1);
  EXPECT_EQ(ap_.Read(kApprotectStatus), 1u);
  EXPECT_EQ(mem_ap_.Read(0x00), 0x23000042u);
  mem_ap_.Write(0x04, 0x20000000);
  EXPECT_EQ(mem_ap_.Read(0x0C), 0u);
  ap_.Reset(ResetCause::kCtrlAp);
  EXPECT_FALSE(ap_.locked());
}

}  // namespace
}  // namespace probegate::sim
