// CpuCore on the Unicorn engine, as a Cortex-M4.
//
// What is not in the architecture's manuals, and was found by experiment with Unicorn 2.0.1:
// - The engine's own M-profile mode is a Cortex-M33; so the mode is plain Thumb and the model is set afterwards.
// - PC is right only where a code hook covers the code, and hooks work only on code translated after them. So there is
//   one hook, on everything, for ever, and every decision to stop is taken in it. Stopping from a callback of a memory
//   access would execute the store again.
// - An IT block ends before a stop takes effect, and instructions that its condition skips are not seen.
// - A store to memory that is not writable is made all the same once the hook has allowed it: what should be there is
//   put back before the next instruction. Bytes that a load is to find instead of others are put there as it begins.
// - Nothing may be thrown through the engine: what a callback throws is kept, and thrown once the run has ended.
// - While an access is reported, the registers are as they were before its instruction. An access cannot be prevented,
//   so what it does to them is undone.
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
  // All must outlive it. Throws std::runtime_error where the engine cannot be had: it wants a gibibyte of address
  // space, little of which is used.
  UnicornCore(Bus& bus, SimClock& clock, CpuGate& gate);
  ~UnicornCore() override;

  uint32_t Read(CpuRegister reg) const override { return reg == CpuRegister::kPc ? pc_ : registers_.Read(reg); }
  void Write(CpuRegister reg, uint32_t value) override;
  CpuStop Run() override;
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
  void StopBehind(CpuStop::Reason reason, uint32_t address);
  void OnProtectedStore(uint32_t address, unsigned size, uint32_t value);
  template <typename Function>
  void Guarded(Function function) noexcept;

  Bus& bus_;
  MemoryFixups fixups_;
  SimClock& clock_;
  CpuGate& gate_;
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
  // Of the run under way.
  bool stopping_ = false;
  uint32_t stop_pc_ = 0;
  CpuStop stop_;
  int interrupt_ = -1;
  std::exception_ptr thrown_;
  bool failed_ = false;  // an access was refused; stop_ says how
  uint32_t fault_address_ = 0;
};

}  // namespace probegate::sim
