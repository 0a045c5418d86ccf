// Exception entry and return, faults and their escalation, lockup (ARMv7-M ARM §B1.5).
//
// Simpler than the architecture in three points: the floating-point registers are stacked at entry, whatever
// FPCCR.LSPEN says; a late-arriving exception is entered after the one it preempts has been entered, not in its place;
// and stacking raises no MPU faults.
#pragma once

#include <array>
#include <cstdint>

#include "sim/cpu/cpu_core.h"
#include "sim/cpu/nvic.h"
#include "sim/cpu/system_registers.h"
#include "sim/debug/debug_state.h"
#include "sim/target/bus.h"
#include "sim/trace.h"

namespace probegate::sim {

class Exceptions {
 public:
  // All must outlive it.
  Exceptions(CpuCore& core, Bus& bus, Nvic& nvic, SystemRegisters& registers, DebugState& debug)
      : core_(core), bus_(bus), nvic_(nvic), registers_(registers), debug_(debug) {}

  void TraceTo(Trace* trace) { trace_ = trace; }

  // Takes the core out of reset: sets its registers, with SP and PC from the vector table. If there is no memory at the
  // table's address, the core locks up (§B1.5.5).
  void Reset();

  // An exception is taken now if its priority is below this (§B1.5.4).
  int ExecutionPriority() const;
  // Whether the pending exception that comes first would be taken now.
  bool Preempts() const;
  // Whether it ends a sleep: PRIMASK keeps an exception from being taken, but not from waking the core (§B1.5.18,
  // §B1.5.19).
  bool WakesCore() const;
  // Enters the pending exception that comes first, if it preempts. Returns whether it did.
  bool TakePending();
  // Whether an exception is pending that only PRIMASK, BASEPRI or FAULTMASK keeps from being taken.
  bool IsPendingMasked() const;

  // For what has ended a run. Each leaves the core with PC at the instruction to execute next.
  void SupervisorCall();
  void Return(uint32_t exc_return);
  // One of the faults of CpuStop.
  void Fault(const CpuStop& stop);
  // Whether the default memory map allows no execution at `address` (§B3.1).
  static bool IsExecuteNever(uint32_t address);
  // A breakpoint or watchpoint while halting debug is off: enters DebugMonitor if it can; otherwise a BKPT instruction
  // (`is_instruction`) becomes a HardFault, and any other event is ignored.
  void DebugEvent(uint32_t reason, bool is_instruction);
  // Whether a breakpoint or watchpoint has an effect now: halting debug is on, or DebugMonitor would be entered.
  bool TakesDebugEvents() const { return debug_.enabled || MonitorPreempts(); }

  void LockUp();
  bool locked_up() const { return locked_up_; }
  // A debugger that halts a core ends its lockup (§C1.3).
  void LeaveLockup() { locked_up_ = false; }
  bool in_handler() const { return ipsr() != 0; }
  bool privileged() const;
  unsigned ipsr() const { return core_.Read(CpuRegister::kXpsr) & 0x1FF; }

  // The event register of WFE.
  bool TakeEvent();
  void SendEvent() { event_ = true; }
  bool has_event() const { return event_; }

 private:
  int ExecutionPriorityWithoutPrimask() const;
  bool MonitorPreempts() const;
  bool Pop(uint32_t exc_return);
  uint32_t MakeExcReturn() const;
  void Enter(unsigned exception, uint32_t return_address);
  void Take(unsigned exception, uint32_t exc_return);
  void Raise(unsigned exception, uint32_t return_address);
  unsigned Escalate(unsigned exception);
  void RaiseInReturn(unsigned exception, uint32_t exc_return);
  void Catch(uint32_t catches);

  CpuCore& core_;
  Bus& bus_;
  Nvic& nvic_;
  SystemRegisters& registers_;
  DebugState& debug_;
  bool locked_up_ = false;
  bool event_ = false;
  Trace* trace_ = nullptr;
};

}  // namespace probegate::sim
