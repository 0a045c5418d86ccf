#include "sim/cpu/opcodes.h"

#include <span>

#include "sim/cpu/cpu_core.h"

namespace probegate::sim {
namespace {

struct KindRow {
  uint16_t first_mask;
  uint16_t first;
  uint16_t second_mask;
  uint16_t second;
  uint8_t kind;
};

constexpr KindRow kKinds[] = {
    {0xFFFF, 0xBF40, 0, 0, kSendEvent},
    {0xFFE8, 0xB660, 0, 0, kMaskChange},            // CPS
    {0xFFF0, 0xF380, 0xD000, 0x8000, kMaskChange},  // MSR
    {0xFFF0, 0xFB90, 0x00F0, 0x00F0, kDivide},      // SDIV
    {0xFFF0, 0xFBB0, 0x00F0, 0x00F0, kDivide},      // UDIV
    {0xEC00, 0xEC00, 0x0E00, 0x0A00, kFloatingPoint},
    {0xF000, 0xC000, 0, 0, kAlignedBase},  // LDM, STM
    {0xFE40, 0xE800, 0, 0, kAlignedBase},  // LDM, STM
    {0xFFE0, 0xE840, 0, 0, kAlignedBase},  // STREX, LDREX
    {0xFE60, 0xE860, 0, 0, kAlignedBase},  // LDRD, STRD
    {0xFF40, 0xE940, 0, 0, kAlignedBase},
    {0xFE00, 0xEC00, 0x0E00, 0x0A00, kAlignedBase},  // VLDR, VSTR, VLDM, VSTM
};

}  // namespace

std::array<uint8_t, 1024> MakeKindTable() {
  std::array<uint8_t, 1024> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    for (const KindRow& row : kKinds) {
      if (((i << 6 ^ row.first) & row.first_mask & 0xFFC0) == 0) table[i] |= row.kind;
    }
  }
  return table;
}

uint8_t KindOf(uint16_t first, uint16_t second) {
  uint8_t kind = 0;
  for (const KindRow& row : kKinds) {
    if ((first & row.first_mask) == row.first && (second & row.second_mask) == row.second) kind |= row.kind;
  }
  return kind;
}

unsigned BaseRegister(uint16_t first) { return (first & 0xF000) == 0xC000 ? first >> 8 & 7 : first & 0xF; }

}  // namespace probegate::sim
