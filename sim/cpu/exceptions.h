// Exception entry and return, faults and their escalation, lockup (ARMv7-M ARM §B1.5).
//
// Where it is simpler than the architecture: the floating-point registers are stacked at entry, whatever FPCCR.LSPEN
// says; a late arrival is entered on top of what it came after, not in its place; stacking raises no MPU faults.
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

  // Takes the core out of reset: its registers, SP and PC from the vector table. A table that is not there is a lockup
  // (§B1.5.5).
  void Reset();

  // What an exception's priority has to be below to be taken now (§B1.5.4); without PRIMASK for who asks what wakes a
  // core.
  int ExecutionPriority(bool with_primask = true) const;
  // Enters the pending exception that comes first, if it preempts; answers whether it did.
  bool TakePending();
  // Whether one is pending that only PRIMASK, BASEPRI or FAULTMASK keeps from being taken.
  bool IsPendingMasked() const;

  // What ended a run: each leaves the core at what is executed next.
  void SupervisorCall();
  void Return(uint32_t exc_return);
  // One of the faults of CpuStop.
  void Fault(const CpuStop& stop);
  // PC's region allows no execution (§B3.1).
  static bool IsExecuteNever(uint32_t address);
  // A breakpoint or watchpoint without halting debug: DebugMonitor, HardFault for BKPT, else nothing.
  void DebugEvent(uint32_t reason, bool is_instruction);
  bool MonitorPreempts() const;

  void LockUp();
  bool locked_up() const { return locked_up_; }
  // A debugger that halts a core ends its lockup (§C1.3).
  void LeaveLockup() { locked_up_ = false; }
  bool in_handler() const { return ipsr() != 0; }
  unsigned ipsr() const { return core_.Read(CpuRegister::kXpsr) & 0x1FF; }

  // The event register of WFE.
  bool TakeEvent();
  void SendEvent() { event_ = true; }
  bool has_event() const { return event_; }

 private:
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
