// The processor: a core that executes, and everything that decides what it executes next.
//
// It executes while Run is called, on the caller's thread. Run returns when there is nothing to execute, when its time
// is up, or when another thread interrupts it. Halting, resuming and stepping are calls between two runs. What stops
// the core within a run is ProcessorGate's to decide.
//
// Threads: the chip's rule, except for Interrupt.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "sim/cpu/cpu_core.h"
#include "sim/cpu/exceptions.h"
#include "sim/cpu/mpu.h"
#include "sim/cpu/nvic.h"
#include "sim/cpu/processor_gate.h"
#include "sim/cpu/sys_tick.h"
#include "sim/cpu/system_registers.h"
#include "sim/debug/breakpoint_unit.h"
#include "sim/debug/debug_state.h"
#include "sim/debug/watchpoint_unit.h"
#include "sim/target/bus.h"
#include "sim/target/reset.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class Processor {
 public:
  using MakeCore = std::function<std::unique_ptr<CpuCore>(Bus&, SimClock&)>;

  enum class End : uint8_t {
    kInterrupted,  // by Interrupt, once for each call
    kTimeUp,
    kHalted,
    kAsleep,
    kLockedUp,
    kHeld,   // in reset
    kReset,  // the program has requested a reset: TakeResetRequest()
  };

  // `bus` and `clock` must outlive it. Held in reset until Hold(false).
  Processor(Bus& bus, SimClock& clock, const MakeCore& make_core);
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;

  // `trace` may be null.
  void TraceTo(Trace* trace);

  // Executes until the clock reaches the cycle `until`, or until the run ends before that.
  End Run(uint64_t until = SimClock::kNever);
  // Makes the current run, or else the next one, return soon. From any thread.
  void Interrupt() { gate_.Interrupt(); }

  // Local reset (§B1.5.5): everything except debug's own state; C_HALT is cleared. Afterwards the core is at the entry
  // from the vector table, halted if DEMCR.VC_CORERESET is set.
  void Reset();
  // The same for a core that has lost its power, debug's state included. A core that is held stays held.
  void PowerUp();
  // While held, the core does nothing. It leaves reset as above, but also halted if C_HALT was written meanwhile.
  void Hold(bool held);
  bool held() const { return held_; }

  // If the core's engine cannot go on, for example without memory, the core locks up and `failed` is called with the
  // reason. A reset, or the next resume, tries again.
  void OnFailure(std::function<void(const char* what)> failed) { failed_ = std::move(failed); }

  // The same for a failure outside of the core.
  void Fail(const char* what);

  // To be called between two runs. Halt ends a sleep and a lockup; Step executes one instruction, or enters one
  // exception.
  void Halt(uint32_t reason);
  void Resume();
  void Step();

  // For the program's own writes to AIRCR, which happen during a run.
  bool running() const { return running_; }
  void RequestReset(ResetCause cause);
  std::optional<ResetCause> TakeResetRequest() { return std::exchange(reset_request_, std::nullopt); }

  // Whether the debug domain has power (CDBGPWRUPACK): if it has, SysTick goes on while the core sleeps.
  void SetDebugPower(bool powered);
  // To be called after a change of DEMCR or DHCSR that is not one of the calls above.
  void DebugChanged();
  // A system register that execution depends on has been written.
  void Reconsider() { gate_.Reconsider(); }

  CpuCore& core() { return *core_; }
  const CpuCore& core() const { return *core_; }
  Nvic& nvic() { return nvic_; }
  Mpu& mpu() { return mpu_; }
  SysTick& sys_tick() { return sys_tick_; }
  SystemRegisters& registers() { return registers_; }
  DebugState& debug() { return debug_; }
  const DebugState& debug() const { return debug_; }
  BreakpointUnit& breakpoints() { return breakpoints_; }
  WatchpointUnit& watchpoints() { return watchpoints_; }
  unsigned ipsr() const { return exceptions_.ipsr(); }
  // Whether a run would execute something, or could be about to.
  bool CanRun() const;
  bool halted() const { return debug_.halted; }
  bool asleep() const { return sleep_ != Sleep::kAwake; }
  bool locked_up() const { return exceptions_.locked_up(); }

 private:
  enum class Sleep : uint8_t { kAwake, kForInterrupt, kForEvent };

  void LeaveReset();
  End RunUntil(uint64_t until);
  std::optional<End> CannotRun() const;
  void Execute(bool single_step);
  void Act(const CpuStop& stop);
  void ActAtGate();
  void FallAsleep(Sleep sleep);
  bool Wakes();
  void UpdateClocks();

  SimClock& clock_;
  SystemRegisters registers_;
  DebugState debug_;
  Nvic nvic_;
  SysTick sys_tick_;
  Mpu mpu_;
  BreakpointUnit breakpoints_;
  WatchpointUnit watchpoints_;
  std::unique_ptr<CpuCore> core_;
  Exceptions exceptions_;
  ProcessorGate gate_;
  Alarm limit_;  // stops a run when its time is up
  std::optional<ResetCause> reset_request_;
  Sleep sleep_ = Sleep::kAwake;
  Trace* trace_ = nullptr;
  std::function<void(const char*)> failed_;
  bool held_ = true;
  bool running_ = false;
  bool debug_powered_ = false;
};

}  // namespace probegate::sim
