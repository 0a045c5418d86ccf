// What stops a run of the core: the answers to what the core asks before each instruction and about each data access.
//
// A run stops for a breakpoint, a watchpoint, the MPU, an exception that preempts, a step that is done, or because it
// was told to (Interrupt, RequestStop). The gate decides that the run stops and keeps why; Processor acts on it. Before
// each run, and whenever `attention` is set, the gate works out anew which instructions and accesses it has to look at,
// so that all others cost nothing.
//
// Threads: the chip's rule, except for Interrupt.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "sim/cpu/cpu_core.h"
#include "sim/cpu/exceptions.h"
#include "sim/cpu/mpu.h"
#include "sim/cpu/system_registers.h"
#include "sim/debug/breakpoint_unit.h"
#include "sim/debug/watchpoint_unit.h"
#include "sim/target/bus.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class ProcessorGate : public CpuGate {
 public:
  // Why the gate has stopped a run; kNone if there is nothing to act on but what the caller knows of.
  enum class Cause : uint8_t { kNone, kBreakpoint, kWatchpoint, kNoExecution };

  // All must outlive it.
  ProcessorGate(const Bus& bus, const SimClock& clock, const SystemRegisters& registers, Exceptions& exceptions,
                const Mpu& mpu, const BreakpointUnit& breakpoints, WatchpointUnit& watchpoints)
      : bus_(bus),
        clock_(clock),
        registers_(registers),
        exceptions_(exceptions),
        mpu_(mpu),
        breakpoints_(breakpoints),
        watchpoints_(watchpoints) {}

  // To be called before each run. `single_step`: the run stops after one instruction, and for nothing else before it
  // except a breakpoint, watchpoint or the MPU.
  void Begin(bool single_step);

  // Something that the decisions depend on has changed.
  void Reconsider() { attention.store(true, std::memory_order_relaxed); }
  // Stops the current run before its next instruction.
  void RequestStop();
  // Makes the current run, or else the next one, stop soon. From any thread. TakeInterrupt returns whether that was
  // called, once.
  void Interrupt();
  bool TakeInterrupt() { return interrupted_.exchange(false); }

  // A watchpoint has matched, and TakeCause has not been called since.
  bool watch_hit() const { return watch_hit_; }
  // Returns why the run was stopped, and forgets it. A watchpoint on data counts even if something else stopped the
  // run.
  Cause TakeCause();

  bool BeforeInstruction(uint32_t pc, uint8_t kind) override;
  Access OnDataAccess(uint32_t address, unsigned size, bool write, uint32_t value) override;
  bool AllowsUnprivileged(uint32_t address) const override;

 private:
  void Update();
  bool MustStop();
  bool MatchesInstruction(uint32_t pc);
  bool Protects(uint32_t address, Mpu::Access access) const;

  const Bus& bus_;
  const SimClock& clock_;
  const SystemRegisters& registers_;
  Exceptions& exceptions_;
  const Mpu& mpu_;
  const BreakpointUnit& breakpoints_;
  WatchpointUnit& watchpoints_;
  std::atomic<bool> interrupted_{false};
  bool watch_hit_ = false;
  // Of the current run.
  Cause cause_ = Cause::kNone;
  bool stop_requested_ = false;
  bool single_step_ = false;
  bool step_begun_ = false;
};

}  // namespace probegate::sim
