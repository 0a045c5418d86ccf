// CpuCore on the Unicorn engine, as a Cortex-M4.
//
// What is not in the architecture's manuals, and was found by experiment with Unicorn 2.0.1:
// - The engine's own M-profile mode is a Cortex-M33; so the mode is plain Thumb and the model is set afterwards.
// - PC is right only where a code hook covers the code, and hooks work only on code translated after them. So there is
//   one hook, on everything, for ever, and every decision to stop is taken in it. Stopping from a callback of a memory
//   access would execute the store again.
// - What is derived from IPSR and CONTROL is not worked out again when they are written: APSR has to be written after.
// - MSP, PSP, the masks and CONTROL are hidden from unprivileged code, and so from us while that runs.
// - An IT block ends before a stop takes effect, and instructions that its condition skips are not seen.
// - A store to memory that is not writable is made all the same once the hook has allowed it: what should be there is
//   put back before the next instruction.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "sim/cpu/cpu_core.h"
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

  uint32_t Read(CpuRegister reg) const override;
  void Write(CpuRegister reg, uint32_t value) override;
  CpuStop Run() override;
  uint32_t last_pc() const override { return last_pc_; }

 private:
  struct Hooks;  // what Unicorn calls
  class Privileged;
  struct Fixup {
    uint8_t* bytes;
    unsigned size;
    uint32_t value;
  };
  struct Device {
    UnicornCore* core;
    uint32_t base;
  };

  uint32_t Get(int reg) const;
  void Set(int reg, uint32_t value) const;
  void DeriveState() const;
  bool UnprivilegedThread() const;
  void WriteControl(uint32_t value);
  int AddHook(int types, void* callback, size_t& handle);

  void MapBus();
  void DropChanges();
  void DropAll();
  void WatchData(bool wanted);

  void OnInstruction(uint32_t pc);
  void LookAt(uint32_t pc);
  CpuStop::Reason Trap(uint8_t kind, uint16_t first, uint16_t second) const;
  void StopBefore(uint32_t pc);
  void StopBehind(CpuStop::Reason reason, uint32_t address);
  void OnProtectedStore(uint32_t address, unsigned size, uint32_t value);
  void ApplyFixups();
  uint16_t OpcodeAt(uint32_t pc);
  CpuStop StopOfInterrupt();
  CpuStop StopOfError(int error);

  Bus& bus_;
  SimClock& clock_;
  CpuGate& gate_;
  uc_struct* engine_ = nullptr;
  bool mapped_ = false;
  const std::array<uint8_t, 1024> kind_table_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::array<size_t, 4> hooks_{};
  size_t data_hook_ = 0;
  bool watching_data_ = false;

  // The memory that was executed from last.
  struct Window {
    uint32_t base = 0;
    uint32_t size = 0;
    const uint8_t* bytes = nullptr;
  };
  Window window_;

  uint32_t pc_ = 0;
  uint32_t last_pc_ = 0;
  // Of the run under way.
  bool stopping_ = false;
  uint32_t stop_pc_ = 0;
  CpuStop stop_;
  int interrupt_ = -1;
  bool failed_ = false;  // an access was refused; stop_ says how
  uint32_t fault_address_ = 0;
  std::vector<Fixup> fixups_;
};

}  // namespace probegate::sim
