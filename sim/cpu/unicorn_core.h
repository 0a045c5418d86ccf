// CpuCore on the Unicorn engine, as a Cortex-M4.
//
// Undocumented behaviour of the engine, found by experiment with Unicorn 2.0.1, and how this class deals with it:
// - The engine's own M-profile mode is a Cortex-M33; so the mode is plain Thumb, and the model is set afterwards.
// - PC is right only in code that a code hook covers, and a hook works only on code that is translated after it was
//   added. So there is one permanent hook on all code, and every decision to stop is made in it. Stopping from the
//   callback of a memory access would execute the store again.
// - An IT block runs to its end before a stop takes effect, and instructions that its condition skips are not reported.
// - Once the hook has allowed a store to read-only memory, the engine makes the store as it is. What should be there
//   instead is put there before the next instruction. If a load is to find other bytes than those in memory, they are
//   put there when the load is reported.
// - Nothing may be thrown through the engine: what a callback throws is kept, and thrown after the run has ended.
// - When an access is reported, the registers are as they were before its instruction. An access cannot be prevented,
//   so for one that is refused the registers are restored afterwards.
#pragma once

#include <array>
#include <exception>
#include <memory>
#include <vector>

#include "sim/cpu/code_window.h"
#include "sim/cpu/cpu_core.h"
#include "sim/cpu/memory_fixups.h"
#include "sim/cpu/unicorn_registers.h"
#include "sim/target/bus.h"
#include "sim/target/sim_clock.h"

struct uc_struct;

namespace probegate::sim {

class UnicornCore : public CpuCore {
 public:
  // Both must outlive it. Throws std::runtime_error if the engine cannot be created: it needs a gibibyte of address
  // space, little of which is used.
  UnicornCore(Bus& bus, SimClock& clock);
  ~UnicornCore() override;

  uint32_t Read(CpuRegister reg) const override { return reg == CpuRegister::kPc ? pc_ : registers_.Read(reg); }
  void Write(CpuRegister reg, uint32_t value) override;
  CpuStop Run(CpuGate& gate) override;
  uint32_t last_pc() const override { return last_pc_; }

 private:
  struct Hooks;  // what Unicorn calls
  struct Device {
    UnicornCore* core;
    uint32_t base;
  };

  int AddHook(int types, void* callback, size_t& handle);

  void MapBus();
  void DropChanges();
  void DropAll();
  void WatchData(bool wanted);

  void OnInstruction(uint32_t pc);
  void LookAt(uint32_t pc);
  CpuStop::Reason Trap(uint8_t kind, uint16_t first, uint16_t second) const;
  bool ReachesDevice(uint32_t address) const;
  void OnData(uint32_t address, unsigned size, bool write, uint32_t value);
  void StopBefore(uint32_t pc);
  void StopAfter(CpuStop::Reason reason, uint32_t address);
  void OnProtectedStore(uint32_t address, unsigned size, uint32_t value);
  template <typename Function>
  void Guarded(Function function) noexcept;

  Bus& bus_;
  MemoryFixups fixups_;
  SimClock& clock_;
  uc_struct* const engine_;
  UnicornRegisters registers_;
  bool mapped_ = false;
  const std::array<uint8_t, 1024> kind_table_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::array<size_t, 4> hooks_{};
  size_t data_hook_ = 0;
  bool watching_data_ = false;

  CodeWindow code_;
  uint32_t pc_ = 0;
  uint32_t last_pc_ = 0;
  // Of the current run.
  CpuGate* gate_ = nullptr;
  bool stopping_ = false;
  uint32_t stop_pc_ = 0;
  CpuStop stop_;
  int interrupt_ = -1;
  std::exception_ptr thrown_;
  bool failed_ = false;  // an access was refused; stop_ says how
  uint32_t fault_address_ = 0;
};

}  // namespace probegate::sim
