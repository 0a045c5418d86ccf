// One target: the DP at the end of the wire, the AHB-AP behind it, and what an nRF52840 has on that bus.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/swd/debug_port.h"
#include "sim/swd/swj_dp.h"
#include "sim/target/bus.h"
#include "sim/target/components.h"
#include "sim/target/cortex_m.h"
#include "sim/target/mem_ap.h"
#include "sim/target/memory.h"
#include "sim/target/system_control.h"

namespace probegate::sim {

class Chip {
 public:
  static constexpr uint32_t kDpidr = 0x2BA01477;
  static constexpr uint32_t kFlashBase = 0x00000000;
  static constexpr uint32_t kFlashSize = 1024 * 1024;
  static constexpr uint32_t kRamBase = 0x20000000;
  static constexpr uint32_t kRamSize = 256 * 1024;

  // `seed` chooses what RAM holds at power-up.
  explicit Chip(uint64_t seed);
  Chip(const Chip&) = delete;
  Chip& operator=(const Chip&) = delete;

  SwjDp& pins() { return pins_; }
  DebugPort& debug_port() { return debug_port_; }
  Bus& bus() { return bus_; }
  const CortexM& core() const { return core_; }

  // nRESET: resets the core, not the debug port.
  void SetReset(bool asserted) { system_control_.HoldReset(asserted); }

 private:
  // Maps what the constructor of the core already needs.
  Bus& MapMemory();

  Flash flash_{kFlashSize};
  Ram ram_;
  Bus bus_;
  CortexM core_;
  SystemControl system_control_;
  BreakpointUnit breakpoint_unit_;
  std::vector<std::unique_ptr<Component>> components_;
  MemAp ahb_ap_;
  std::array<AccessPort*, 1> access_ports_;
  DebugPort debug_port_;
  SwjDp pins_;
};

}  // namespace probegate::sim
