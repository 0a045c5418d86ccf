#include "sim/target/chip.h"

namespace probegate::sim {

Chip::Chip(uint64_t seed)
    : ram_(kRamSize, seed),
      core_(MapMemory()),
      system_control_(core_),
      ahb_ap_(bus_, kRomTableBase | 3),
      access_ports_{&ahb_ap_},
      debug_port_(kDpidr, access_ports_),
      pins_(debug_port_) {
  bus_.Map(SystemControl::kBase, kRegisterBlockSize, system_control_);
  bus_.Map(BreakpointUnit::kBase, kRegisterBlockSize, breakpoint_unit_);
  for (const ComponentRow& row : PlainComponents()) {
    components_.push_back(std::make_unique<Component>(row.registers, row.id));
    bus_.Map(row.base, kRegisterBlockSize, *components_.back());
  }
}

Bus& Chip::MapMemory() {
  bus_.Map(kRamBase, kRamSize, ram_);
  bus_.Map(kFlashBase, kFlashSize, flash_);
  return bus_;
}

}  // namespace probegate::sim
