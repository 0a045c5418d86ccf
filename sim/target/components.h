// CoreSight components: their identification registers, and those components of a Cortex-M4F that only store values,
// among them the ROM table by which a debugger finds the others.
#pragma once

#include <array>
#include <cstdint>

#include "sim/target/register_block.h"

namespace probegate::sim {

inline constexpr uint32_t kRomTableBase = 0xE00FF000;

// The identification of a component (ADIv5.2 §D1.2): CIDR1, which holds its class, and PIDR0 to PIDR4. The other
// identification registers are the same in all components.
struct ComponentId {
  uint8_t cidr1;
  std::array<uint8_t, 5> pidr;
};

// The identification registers as rows.
std::array<RegisterRow, 9> IdRows(const ComponentId& id);

// A component that consists of a table of registers and its identification.
class Component : public RegisterBlock {
 public:
  Component(std::span<const RegisterRow> rows, const ComponentId& id);
};

// The ETM and the ROM table, with their addresses.
struct ComponentRow {
  uint32_t base;
  ComponentId id;
  std::span<const RegisterRow> registers;
};
std::span<const ComponentRow> PlainComponents();

}  // namespace probegate::sim
