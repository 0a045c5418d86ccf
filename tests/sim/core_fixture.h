// A chip with a small program in its flash, for tests of the core. Programs are halfwords, with the instructions in a
// comment, and run until something stops them or for a number of cycles.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "sim/target/chip.h"

namespace probegate::sim {

inline constexpr uint32_t kRam = Chip::kRamBase;
inline constexpr uint32_t kStackTop = kRam + 0x8000;
inline constexpr uint32_t kEntry = 0x400;

inline constexpr uint32_t kIcsr = 0xE000ED04;
inline constexpr uint32_t kShcsr = 0xE000ED24;
inline constexpr uint32_t kCfsr = 0xE000ED28;
inline constexpr uint32_t kHfsr = 0xE000ED2C;
inline constexpr uint32_t kDfsr = 0xE000ED30;
inline constexpr uint32_t kCpacr = 0xE000ED88;
inline constexpr uint32_t kDhcsr = 0xE000EDF0;
inline constexpr uint32_t kDcrsr = 0xE000EDF4;
inline constexpr uint32_t kDcrdr = 0xE000EDF8;
inline constexpr uint32_t kDemcr = 0xE000EDFC;
inline constexpr uint32_t kKey = 0xA05F0000;

class CoreFixture : public testing::Test {
 protected:
  using End = Processor::End;

  CoreFixture() { PutWords(0, {kStackTop, kEntry | 1}); }

  // Put code or words at an address in flash; to be called before Start.
  void Put(uint32_t address, std::initializer_list<uint16_t> code) { PutCode(address, code); }
  void PutCode(uint32_t address, const std::vector<uint16_t>& code) { contents_.Write(address, Bytes(code)); }
  void PutWords(uint32_t address, std::initializer_list<uint32_t> words) {
    contents_.Write(address, Bytes<uint32_t>({words.begin(), words.end()}));
  }
  // Puts the code of an exception's handler at HandlerOf(exception), and its address in the vector table.
  void Handle(unsigned exception, std::initializer_list<uint16_t> code) {
    const uint32_t address = HandlerOf(exception);
    PutWords(4 * exception, {address | 1});
    Put(address, code);
  }
  static uint32_t HandlerOf(unsigned exception) { return 0x1000 + 0x40 * exception; }

  void Start(const ChipSettings& settings = {}) { chip_ = std::make_unique<Chip>(1, contents_, settings); }
  // Runs for at most so many cycles, so that no test can hang.
  End Run(uint64_t cycles = 100'000) { return chip_->Run(chip_->clock().now() + cycles); }

  Chip& chip() { return *chip_; }
  CpuCore& core() { return chip_->processor().core(); }
  Nvic& nvic() { return chip_->processor().nvic(); }
  uint32_t Reg(unsigned number) { return core().Read(GeneralRegister(number)); }
  uint32_t Reg(CpuRegister reg) { return core().Read(reg); }
  uint32_t Pc() { return core().Read(CpuRegister::kPc); }
  unsigned Ipsr() { return core().Read(CpuRegister::kXpsr) & 0x1FF; }
  void SetReg(unsigned number, uint32_t value) { core().Write(GeneralRegister(number), value); }

  uint32_t Read(uint32_t address) { return chip_->bus().Read(address, 4).value(); }
  void Write(uint32_t address, uint32_t value) { ASSERT_TRUE(chip_->bus().Write(address, 4, value)); }

  // Write DHCSR as a debugger does. Step returns PC.
  void Attach() { Write(kDhcsr, kKey | 1); }
  void Halt() { Write(kDhcsr, kKey | 3); }
  void Resume(uint32_t more = 0) { Write(kDhcsr, kKey | 1 | more); }
  uint32_t Step(uint32_t more = 0) {
    Write(kDhcsr, kKey | 5 | more);
    return Pc();
  }

 private:
  template <typename T>
  static std::vector<uint8_t> Bytes(const std::vector<T>& units) {
    std::vector<uint8_t> bytes;
    for (const T unit : units) {
      for (size_t i = 0; i < sizeof(T); ++i) bytes.push_back(static_cast<uint8_t>(unit >> (8 * i)));
    }
    return bytes;
  }

  FlashContents contents_;
  std::unique_ptr<Chip> chip_;
};

}  // namespace probegate::sim
