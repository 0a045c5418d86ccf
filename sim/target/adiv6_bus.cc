#include "sim/target/adiv6_bus.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kFrameMask = kRegisterBlockSize - 1;

// The offset in an APv2 of the registers that an APv1 has from 0 on.
constexpr uint32_t kApRegisters = 0xD00;
constexpr bool IsApRegister(uint32_t offset) { return (offset & 0xF00) == kApRegisters; }

// The values of DEVARCH are Arm's for a ROM table and for a MEM-AP of ADIv6.
constexpr RegisterRow kRomTableRows[] = {
    {0x000, (Adiv6Bus::kMemAp - Adiv6Bus::kRomTable) | 3, 0},  // bits 1:0: present
    {0xFBC, 0x47700AF7, 0},                                    // DEVARCH
    {0xFC8, 0, 0},                                             // DEVID: entries of 32 bits
};
constexpr ComponentId kRomTableId = {0x90, {0xE9, 0xB4, 0x0B, 0x00, 0x04}};

constexpr RegisterRow kMemApRows[] = {
    {0xFBC, 0x47700A17, 0},  // DEVARCH
};
constexpr ComponentId kMemApId = {0x90, {0xE3, 0xB9, 0x0B, 0x00, 0x04}};

}  // namespace

Adiv6Bus::Adiv6Bus(AccessPort& mem_ap)
    : mem_ap_(mem_ap), rom_table_(kRomTableRows, kRomTableId), mem_ap_component_(kMemApRows, kMemApId) {}

std::optional<uint32_t> Adiv6Bus::Read(uint32_t address) {
  const uint32_t offset = address & kFrameMask;
  switch (address & ~kFrameMask) {
    case kRomTable:
      return rom_table_.Read(offset, 4);
    case kMemAp:
      return IsApRegister(offset) ? mem_ap_.Read(static_cast<uint8_t>(offset)) : mem_ap_component_.Read(offset, 4);
    default:
      return std::nullopt;
  }
}

bool Adiv6Bus::Write(uint32_t address, uint32_t value) {
  const uint32_t offset = address & kFrameMask;
  switch (address & ~kFrameMask) {
    case kRomTable:
      return true;  // read-only
    case kMemAp:
      return !IsApRegister(offset) || mem_ap_.Write(static_cast<uint8_t>(offset), value);
    default:
      return false;
  }
}

}  // namespace probegate::sim
