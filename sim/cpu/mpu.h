// The memory protection unit: eight regions, and the access permissions in them (ARMv7-M ARM §B3.5).
//
// It only decides on accesses; ProcessorGate asks it while MPU_CTRL.ENABLE is set. Memory attributes (TEX, S, C, B) are
// stored but have no effect. Threads: the chip's rule.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

namespace probegate::sim {

class Mpu {
 public:
  static constexpr unsigned kRegions = 8;
  enum class Access : uint8_t { kRead, kWrite, kExecute };

  // `changed` is called when a register has been written.
  void OnChange(std::function<void()> changed) { changed_ = std::move(changed); }
  void Reset() { *this = Mpu(std::move(changed_)); }
  Mpu() = default;

  // Registers of the System Control Space, by their offset there.
  static bool HasRegister(uint32_t offset) { return offset >= 0xD90 && offset <= 0xDB8; }
  uint32_t ReadWord(uint32_t offset) const;
  void WriteWord(uint32_t offset, uint32_t value);

  bool enabled() const { return (control_ & 1) != 0; }
  // Whether it is enabled for HardFault, NMI and FAULTMASK too (HFNMIENA).
  bool enabled_for_faults() const { return (control_ & 2) != 0; }
  // Whether the access to this byte is allowed, given that the MPU is enabled. The Private Peripheral Bus is not
  // protected.
  bool Allows(uint32_t address, Access access, bool privileged) const;

 private:
  struct Region {
    uint32_t base = 0;        // ADDR of RBAR
    uint32_t attributes = 0;  // RASR
  };

  explicit Mpu(std::function<void()> changed) : changed_(std::move(changed)) {}
  static bool Contains(const Region& region, uint32_t address);
  void WriteBase(uint32_t value);

  std::function<void()> changed_;
  uint32_t control_ = 0;
  uint32_t number_ = 0;  // RNR
  std::array<Region, kRegions> regions_{};
};

}  // namespace probegate::sim
