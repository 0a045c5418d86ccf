// Translates how Unicorn ended a run into the reason to stop of an ARMv7-M core.
#pragma once

#include <cstdint>

#include "sim/cpu/cpu_core.h"

namespace probegate::sim {

struct UnicornEnd {
  int error;             // of uc_emu_start
  int interrupt;         // the one that UC_HOOK_INTR has reported; -1 if it has not
  uint32_t pc;           // the engine's, with bit 0 cleared
  uint32_t last_pc;      // of the last instruction that the code hook saw
  uint16_t last_opcode;  // its first halfword
  bool thumb;            // xPSR.T
  uint32_t fault_address;
};

// Sets `pc` to the address that CpuStop documents for the reason. Throws std::runtime_error for errors of the engine
// that no program can cause.
CpuStop StopOf(const UnicornEnd& end, uint32_t& pc);

}  // namespace probegate::sim
