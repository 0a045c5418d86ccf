#include "sim/target/components.h"

namespace probegate::sim {
namespace {

constexpr RegisterRow kEtm[] = {
    {0xFCC, 0x13, 0},  // DEVTYPE
};

// Entries are offsets relative to the table; bit 1 means 32-bit format, bit 0 present. A zero entry ends the table.
constexpr RegisterRow kRomTable[] = {
    {0x000, 0xFFF0F003, 0},  // SCS
    {0x004, 0xFFF02003, 0},  // DWT
    {0x008, 0xFFF03003, 0},  // FPB
    {0x00C, 0xFFF01003, 0},  // ITM
    {0x010, 0xFFF41003, 0},  // TPIU
    {0x014, 0xFFF42003, 0},  // ETM
    {0xFCC, 1, 0},           // MEMTYPE: system memory is on this bus
};

constexpr ComponentRow kPlainComponents[] = {
    {0xE0041000, {0x90, {0x25, 0xB9, 0x0B, 0x00, 0x04}}, kEtm},
    {kRomTableBase, {0x10, {0x08, 0x40, 0x0C, 0x00, 0x02}}, kRomTable},
};

}  // namespace

std::array<RegisterRow, 9> IdRows(const ComponentId& id) {
  return {{
      {0xFD0, id.pidr[4], 0},
      {0xFE0, id.pidr[0], 0},
      {0xFE4, id.pidr[1], 0},
      {0xFE8, id.pidr[2], 0},
      {0xFEC, id.pidr[3], 0},
      {0xFF0, 0x0D, 0},
      {0xFF4, id.cidr1, 0},
      {0xFF8, 0x05, 0},
      {0xFFC, 0xB1, 0},
  }};
}

Component::Component(std::span<const RegisterRow> rows, const ComponentId& id) : RegisterBlock(rows) {
  Define(IdRows(id));
}

std::span<const ComponentRow> PlainComponents() { return kPlainComponents; }

}  // namespace probegate::sim
