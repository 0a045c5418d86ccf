// The registers of Unicorn's Cortex-M4, except PC, as a debugger sees them: all of them can be read and written in
// every mode.
//
// Undocumented behaviour, found by experiment with Unicorn 2.0.1:
// - State derived from IPSR and CONTROL is not updated when they are written. A write to APSR afterwards updates it.
// - MSP, PSP, the masks and CONTROL are hidden from unprivileged code, and therefore from this class while the core is
//   in unprivileged mode.
#pragma once

#include <array>
#include <cstdint>

#include "sim/cpu/cpu_core.h"

struct uc_struct;

namespace probegate::sim {

class UnicornRegisters {
 public:
  // `engine` must outlive it. Threads: CpuCore's rule.
  explicit UnicornRegisters(uc_struct* engine) : engine_(engine) {}

  uint32_t Read(CpuRegister reg) const;
  void Write(CpuRegister reg, uint32_t value);
  // The engine's own PC, after a run has ended.
  uint32_t pc() const;
  // Thread mode with CONTROL.nPRIV.
  bool IsUnprivileged() const;

  // Saves the registers that loads and stores change, and restores them.
  void Save();
  void Restore();

 private:
  static constexpr size_t kSaved = 15 + 32;  // R0 to LR, S0 to S31
  class Privileged;

  uint32_t Get(int reg) const;
  void Set(int reg, uint32_t value) const;
  void DeriveState() const;
  void WriteControl(uint32_t value);

  uc_struct* const engine_;
  std::array<uint32_t, kSaved> saved_{};
};

}  // namespace probegate::sim
