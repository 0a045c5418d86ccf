// The CoreSight components of a Cortex-M4F that only keep registers, and the ROM table by which a debugger finds them.
#pragma once

#include <array>
#include <cstdint>

#include "sim/target/register_block.h"

namespace probegate::sim {

inline constexpr uint32_t kRomTableBase = 0xE00FF000;

// The identification of a component (ADIv5.2 §D1.2): CIDR1 holds its class; PIDR0 to PIDR4. What is not here is the
// same for all of them.
struct ComponentId {
  uint8_t cidr1;
  std::array<uint8_t, 5> pidr;
};

// The identification registers as rows.
std::array<RegisterRow, 9> IdRows(const ComponentId& id);

// A component that is its table of registers and its identification.
class Component : public RegisterBlock {
 public:
  Component(std::span<const RegisterRow> rows, const ComponentId& id);
};

// ETM and the ROM table: `kPlainComponents[i]` lies at its base.
struct ComponentRow {
  uint32_t base;
  ComponentId id;
  std::span<const RegisterRow> registers;
};
std::span<const ComponentRow> PlainComponents();

}  // namespace probegate::sim
