// How a run of Unicorn's ended by itself, and what that is in an ARMv7-M's words.
#pragma once

#include <cstdint>

#include "sim/cpu/cpu_core.h"

namespace probegate::sim {

struct UnicornEnd {
  int error;             // of uc_emu_start
  int interrupt;         // that UC_HOOK_INTR has reported; -1 for none
  uint32_t pc;           // where the engine is; its bit 0 is lost
  uint32_t last_pc;      // of the instruction that was looked at last
  uint16_t last_opcode;  // its first halfword
  bool thumb;            // xPSR.T
  uint32_t fault_address;
};

// Sets `pc` as CpuStop has it. Throws std::runtime_error for what no program can bring about.
CpuStop StopOf(const UnicornEnd& end, uint32_t& pc);

}  // namespace probegate::sim
