#include "sim/peripherals/nrf52840.h"

#include <map>
#include <memory>
#include <sstream>
#include <vector>

#include "gtest/gtest.h"
#include "peripheral_parts.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

class Nrf52840Test : public testing::Test {
 protected:
  Nrf52840Test() {
    bus_.Map(0x20000000, ram_);
    log_->set_pattern("%v");
    log_->set_level(spdlog::level::debug);
    chip_ = Make(7);
  }
  std::unique_ptr<Nrf52840> Make(uint64_t seed) {
    return std::make_unique<Nrf52840>(
        Nrf52840::Wiring{clock_, bus_, lines_, flash_, uicr_, ram_, [] { return false; }, [](bool) {}},
        Nrf52840::Settings{.seed = seed, .flash_speed = 1, .log = log_, .board = "board 3"});
  }
  uint32_t Read(uint32_t address) { return bus_.Read(address, 4).value(); }
  void Write(uint32_t address, uint32_t value) { ASSERT_TRUE(bus_.Write(address, 4, value)); }

  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> log_ =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_));
  SimClock clock_;
  Bus bus_;
  RecordedLines lines_;
  Flash flash_{Erased(4096)};
  Flash uicr_{Erased(4096)};
  Ram ram_{4096, 1};
  std::unique_ptr<Nrf52840> chip_;
};

// For each peripheral: a register that can be read back at its address, and a value for it.
TEST_F(Nrf52840Test, PeripheralsAreAtTheirAddresses) {
  EXPECT_EQ(Read(0x10000100), 0x00052840u);  // FICR
  EXPECT_EQ(Read(0x4001E400), 1u);           // NVMC
  const std::map<uint32_t, uint32_t> registers = {
      {0x4000055C, 0x10000},  // CLOCK.TRACECONFIG
      {0x40002500, 8},        // UARTE0.ENABLE
      {0x50000504, 0x2000},   // P0.OUT
      {0x50000A00, 0x303},    // P1.PIN_CNF[0]
  };
  for (const auto& [address, value] : registers) {
    Write(address, value);
    EXPECT_EQ(Read(address), value) << std::hex << address;
  }
}

TEST_F(Nrf52840Test, TimersHaveTheirInterrupts) {
  const std::map<uint32_t, unsigned> timers = {
      {0x40008000, 8}, {0x40009000, 9}, {0x4000A000, 10}, {0x4001A000, 26}, {0x4001B000, 27}};
  for (const auto& [base, irq] : timers) {
    Write(base + 0x540, 10);
    Write(base + 0x304, 1u << 16);
    Write(base + 0x000, 1);
    clock_.AdvanceTo(clock_.now() + 10 * 64);
    EXPECT_TRUE(lines_.level(irq));
  }
  chip_->Reset(ResetCause::kRequest);
  for (const auto& [base, irq] : timers) EXPECT_FALSE(lines_.level(irq));
}

TEST_F(Nrf52840Test, UarteDrivesItsInterruptLine) {
  Write(0x40002500, 8);
  Write(0x40002304, 1u << 20);
  Write(0x40002008, 1);
  EXPECT_TRUE(lines_.level(2));
}

TEST_F(Nrf52840Test, UnmodelledPeripheralsReadAsZeroAndAreLoggedOnce) {
  EXPECT_EQ(Read(0x4000D50C), 0u);
  Write(0x4000D50C, 5);
  EXPECT_EQ(Read(0x4000D50C), 0u);
  Write(0x50040000, 6);
  EXPECT_EQ(text_.str(),
            "board 3: read of 0x4000d50c, which is not modelled\n"
            "board 3: write of 0x6 to 0x50040000, which is not modelled\n");
}

TEST_F(Nrf52840Test, AddressesOutsidePeripheralsFault) {
  for (uint32_t address : {0x0FFFFFFCu, 0x10002000u, 0x3FFFFFFCu, 0x40080000u, 0x4FFFFFFCu, 0x50080000u}) {
    EXPECT_EQ(bus_.Read(address, 4), std::nullopt) << std::hex << address;
  }
}

TEST_F(Nrf52840Test, RegionsDoNotOverlap) {
  std::map<uint64_t, uint64_t> ends;
  for (const Bus::Mapping& mapping : bus_.mappings()) ends[mapping.base] = uint64_t{mapping.base} + mapping.size;
  ASSERT_EQ(ends.size(), bus_.mappings().size());
  uint64_t last = 0;
  for (const auto& [base, end] : ends) {
    EXPECT_GE(base, last);
    EXPECT_EQ(base % 4096, 0u);
    last = end;
  }
}

TEST_F(Nrf52840Test, FicrDependsOnTheSeed) {
  Ficr one(1);
  Ficr again(1);
  Ficr two(2);
  for (uint32_t offset = 0; offset < kRegisterBlockSize; offset += 4) {
    EXPECT_EQ(ReadWord(one, offset), ReadWord(again, offset));
  }
  EXPECT_NE(ReadWord(one, 0x060), ReadWord(two, 0x060));
  EXPECT_NE(ReadWord(one, 0x0A4), ReadWord(two, 0x0A4));
  EXPECT_EQ(ReadWord(one, 0x010), 0x1000u);
  EXPECT_EQ(ReadWord(one, 0x104), 0x41414430u);
  EXPECT_EQ(ReadWord(one, 0x0A8) >> 16, 0xFFFFu);
  WriteWord(one, 0x100, 0);
  EXPECT_EQ(ReadWord(one, 0x100), 0x00052840u);
}

}  // namespace
}  // namespace probegate::sim
