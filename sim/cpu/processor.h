// The processor: a core that executes, and everything that decides what it executes next.
//
// It runs when it is told to, on the thread that tells it, and comes back when there is nothing to execute, when its
// time is up, or when another thread interrupts it. Halting, resuming and stepping are calls between two runs. Threads:
// the chip's rule, but Interrupt.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "sim/cpu/cpu_core.h"
#include "sim/cpu/exceptions.h"
#include "sim/cpu/mpu.h"
#include "sim/cpu/nvic.h"
#include "sim/cpu/sys_tick.h"
#include "sim/cpu/system_registers.h"
#include "sim/debug/breakpoint_unit.h"
#include "sim/debug/debug_state.h"
#include "sim/debug/watchpoint_unit.h"
#include "sim/target/bus.h"
#include "sim/target/reset.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class Processor : private CpuGate {
 public:
  using MakeCore = std::function<std::unique_ptr<CpuCore>(Bus&, SimClock&, CpuGate&)>;

  enum class End : uint8_t {
    kInterrupted,  // by Interrupt, once for each call
    kTimeUp,
    kHalted,
    kAsleep,
    kLockedUp,
    kHeld,   // in reset
    kReset,  // a reset was requested by the program: reset_request()
  };

  // `bus` and `clock` must outlive it. Held in reset until Hold(false).
  Processor(Bus& bus, SimClock& clock, const MakeCore& make_core);

  // Null: none.
  void TraceTo(Trace* trace);

  // Executes until `until`, a cycle of the clock, or until there is an end before that.
  End Run(uint64_t until = SimClock::kNever);
  // Makes a run under way, or else the next one, come back soon. From any thread.
  void Interrupt();

  // Local reset (§B1.5.5): everything but debug's own state; C_HALT is cleared. The core leaves it at the vector
  // table's entry, halted where DEMCR.VC_CORERESET asks for that.
  void Reset();
  // While held, the core does nothing. It leaves its reset as above, but halted too where C_HALT was written meanwhile.
  void Hold(bool held);
  bool held() const { return held_; }

  // Where the core's engine cannot go on, as without memory, the core locks up, and `failed` is told why. A reset, or
  // the next resume, tries again.
  void OnFailure(std::function<void(const char* what)> failed) { failed_ = std::move(failed); }

  // The same for what has failed around it.
  void Fail(const char* what);

  // Between two runs. Halt ends a sleep and a lockup; Step executes one instruction, or enters one exception.
  void Halt(uint32_t reason);
  void Resume();
  void Step();

  // For the program's own writes to AIRCR, which come while it runs.
  bool running() const { return running_; }
  void RequestReset(ResetCause cause);
  std::optional<ResetCause> TakeResetRequest() { return std::exchange(reset_request_, std::nullopt); }

  // Whether the debug domain has power (CDBGPWRUPACK): then SysTick goes on while the core sleeps.
  void SetDebugPower(bool powered);
  // DEMCR or DHCSR have been written otherwise than by the calls above.
  void DebugChanged();
  // A system register that execution depends on has been written.
  void Reconsider() { attention.store(true, std::memory_order_relaxed); }

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
  unsigned ipsr() const { return exceptions_->ipsr(); }
  // Whether a run would execute something, or could be about to.
  bool CanRun() const;
  bool halted() const { return debug_.halted; }
  bool asleep() const { return sleep_ != Sleep::kAwake; }
  bool locked_up() const { return exceptions_->locked_up(); }

 private:
  enum class Sleep : uint8_t { kAwake, kForInterrupt, kForEvent };
  enum class Cause : uint8_t { kNone, kBreakpoint, kWatchpoint, kNoExecution };

  bool BeforeInstruction(uint32_t pc, uint8_t kind) override;
  Access OnDataAccess(uint32_t address, unsigned size, bool write, uint32_t value) override;
  bool IsForAll(uint32_t address) const override;

  void LeaveReset();
  End RunUntil(uint64_t until);
  bool MustStop();
  bool MatchesInstruction(uint32_t pc);
  bool Protects(uint32_t address, Mpu::Access access) const;
  std::optional<End> CannotRun() const;
  void Execute();
  void Act(const CpuStop& stop);
  void ActAtGate();
  void FallAsleep(Sleep sleep);
  bool IsWoken() const;
  bool Wakes();
  void UpdateGate();
  void UpdateClocks();

  Bus& bus_;
  SimClock& clock_;
  SystemRegisters registers_;
  DebugState debug_;
  Nvic nvic_;
  SysTick sys_tick_;
  Mpu mpu_;
  BreakpointUnit breakpoints_;
  WatchpointUnit watchpoints_;
  std::unique_ptr<CpuCore> core_;
  std::optional<Exceptions> exceptions_;
  Alarm limit_;  // makes a run look at the clock when its time is up
  std::atomic<bool> interrupted_{false};
  std::optional<ResetCause> reset_request_;
  Sleep sleep_ = Sleep::kAwake;
  Cause cause_ = Cause::kNone;  // for which the gate has stopped the run
  Trace* trace_ = nullptr;
  std::function<void(const char*)> failed_;
  bool held_ = true;
  bool running_ = false;
  bool debug_powered_ = false;
  bool watch_hit_ = false;
  // Of a step.
  bool stepping_ = false;
  bool step_begun_ = false;
};

}  // namespace probegate::sim
