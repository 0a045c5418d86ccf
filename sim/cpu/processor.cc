#include "sim/cpu/processor.h"

#include <exception>

namespace probegate::sim {
namespace {

constexpr uint32_t kXpsrThumb = 1u << 24;

}  // namespace

Processor::Processor(Bus& bus, SimClock& clock, const MakeCore& make_core)
    : bus_(bus),
      clock_(clock),
      sys_tick_(clock, nvic_),
      watchpoints_(clock, debug_, [this] { return debug_.halted ? 0xFFFFFFFF : core_->last_pc(); }),
      core_(make_core(bus, clock, *this)),
      limit_(clock, [] {}) {
  exceptions_.emplace(*core_, bus_, nvic_, registers_, debug_);
  nvic_.OnChange([this] {
    if ((registers_.scr & kEventOnPend) != 0) exceptions_->SendEvent();
    Reconsider();
  });
  mpu_.OnChange([this] { Reconsider(); });
  breakpoints_.OnChange([this] { Reconsider(); });
  watchpoints_.OnChange([this] { Reconsider(); });
  UpdateClocks();
}

void Processor::TraceTo(Trace* trace) {
  trace_ = trace;
  exceptions_->TraceTo(trace);
}

void Processor::Interrupt() {
  interrupted_.store(true, std::memory_order_relaxed);
  attention.store(true, std::memory_order_release);
}

void Processor::RequestReset(ResetCause cause) {
  reset_request_ = cause;
  Reconsider();
}

void Processor::Reset() {
  debug_.halt = false;
  LeaveReset();
}

void Processor::LeaveReset() {
  registers_ = {};
  mpu_.Reset();
  nvic_.Reset();
  sys_tick_.Reset();
  sleep_ = Sleep::kAwake;
  watch_hit_ = false;
  reset_request_.reset();
  debug_.was_reset = true;
  debug_.halted = false;
  exceptions_->Reset();
  if (debug_.Catches(kCatchCoreReset)) {
    Halt(kHaltVectorCatch);
  } else if (debug_.enabled && debug_.halt) {
    Halt(kHaltRequest);
  }
  UpdateClocks();
}

void Processor::Hold(bool held) {
  if (held == held_) return;
  held_ = held;
  debug_.was_reset = true;
  if (held) {
    debug_.halted = debug_.halt = false;
    sleep_ = Sleep::kAwake;
    exceptions_->LeaveLockup();
    UpdateClocks();
  } else {
    LeaveReset();
  }
}

void Processor::Halt(uint32_t reason) {
  const bool was_halted = debug_.halted;
  debug_.Halt(reason);
  if (!was_halted && trace_ != nullptr) trace_->Line("halt {:02x} {:08x}", debug_.dfsr, core_->Read(CpuRegister::kPc));
  sleep_ = Sleep::kAwake;
  exceptions_->LeaveLockup();
  UpdateClocks();
}

void Processor::Resume() {
  if (trace_ != nullptr) trace_->Line("resume {:08x}", core_->Read(CpuRegister::kPc));
  debug_.halted = debug_.halt = false;
  UpdateClocks();
}

void Processor::DebugChanged() {
  UpdateClocks();
  Reconsider();
}

void Processor::SetDebugPower(bool powered) {
  debug_powered_ = powered;
  UpdateClocks();
}

// SysTick and CYCCNT stand still while the core is halted (§C1.6.2); without a debugger's power SysTick's clock stops
// with a sleep (nRF52840 PS v1.1, CPU).
void Processor::UpdateClocks() {
  const bool sleeps = sleep_ != Sleep::kAwake && !debug_powered_;
  sys_tick_.SetClocked(!debug_.halted && !held_ && !sleeps);
  watchpoints_.SetClocked(!debug_.halted);
}

std::optional<Processor::End> Processor::CannotRun() const {
  if (held_) return End::kHeld;
  if (reset_request_) return End::kReset;
  if (debug_.halted) return End::kHalted;
  if (exceptions_->locked_up()) return End::kLockedUp;
  return std::nullopt;
}

Processor::End Processor::Run(uint64_t until) {
  limit_.SetAt(until);
  const End end = RunUntil(until);
  limit_.Clear();
  return end;
}

Processor::End Processor::RunUntil(uint64_t until) {
  for (;;) {
    clock_.RunDue();
    if (interrupted_.exchange(false)) return End::kInterrupted;
    if (const std::optional<End> end = CannotRun()) {
      UpdateClocks();
      return *end;
    }
    if (clock_.now() >= until) return End::kTimeUp;
    if (watch_hit_) {
      ActAtGate();
      continue;
    }
    if (exceptions_->TakePending()) sleep_ = Sleep::kAwake;
    if (debug_.halted) continue;  // a vector catch
    if (sleep_ != Sleep::kAwake) {
      if (!Wakes()) {
        UpdateClocks();
        return End::kAsleep;
      }
      sleep_ = Sleep::kAwake;
    }
    UpdateClocks();
    Execute();
  }
}

void Processor::Step() {
  stepping_ = true;
  clock_.RunDue();
  Resume();
  if (!exceptions_->TakePending()) Execute();  // the entry of an exception is a step too
  stepping_ = false;
  if (watch_hit_) ActAtGate();
  if (reset_request_) return;
  Halt(debug_.halted ? 0 : kHaltRequest);
}

// One run of the core, and what has ended it.
void Processor::Execute() {
  const uint32_t pc = core_->Read(CpuRegister::kPc);
  cause_ = Cause::kNone;
  debug_.retired = true;
  if (Exceptions::IsExecuteNever(pc)) {
    exceptions_->Fault({CpuStop::Reason::kExecuteNever, pc});
  } else if ((core_->Read(CpuRegister::kXpsr) & kXpsrThumb) == 0) {
    exceptions_->Fault({CpuStop::Reason::kInvalidState});
  } else {
    step_begun_ = false;
    UpdateGate();
    if (stepping_) Reconsider();
    running_ = true;
    CpuStop stop;
    try {
      stop = core_->Run();
    } catch (const std::exception& error) {
      running_ = false;
      Fail(error.what());
      return;
    }
    running_ = false;
    Act(stop);
  }
}

// No architecture has a word for it; lockup is what a debugger understands and can get a core out of.
void Processor::Fail(const char* what) {
  exceptions_->LockUp();
  if (failed_) failed_(what);
}

void Processor::Act(const CpuStop& stop) {
  using Reason = CpuStop::Reason;
  switch (stop.reason) {
    case Reason::kGate:
      ActAtGate();
      break;
    case Reason::kSupervisorCall:
      exceptions_->SupervisorCall();
      break;
    case Reason::kBreakpoint:
      if (debug_.enabled) {
        Halt(kHaltBreakpoint);
      } else {
        exceptions_->DebugEvent(kHaltBreakpoint, true);
      }
      break;
    case Reason::kExceptionReturn:
      exceptions_->Return(stop.address);
      if (!exceptions_->in_handler() && (registers_.scr & kSleepOnExit) != 0) FallAsleep(Sleep::kForInterrupt);
      break;
    case Reason::kWaitForInterrupt:
      FallAsleep(Sleep::kForInterrupt);
      break;
    case Reason::kWaitForEvent:
      if (!exceptions_->TakeEvent()) FallAsleep(Sleep::kForEvent);
      break;
    case Reason::kFetchFault:
      exceptions_->Fault(Exceptions::IsExecuteNever(stop.address) ? CpuStop{Reason::kExecuteNever, stop.address}
                                                                  : stop);
      break;
    default:
      exceptions_->Fault(stop);
      break;
  }
}

void Processor::ActAtGate() {
  const bool data = std::exchange(watch_hit_, false);
  if (cause_ == Cause::kNoExecution) {
    cause_ = Cause::kNone;
    exceptions_->Fault({CpuStop::Reason::kExecuteNever, core_->Read(CpuRegister::kPc)});
    return;
  }
  const uint32_t reason = data || cause_ == Cause::kWatchpoint ? kHaltWatchpoint
                          : cause_ == Cause::kBreakpoint       ? kHaltBreakpoint
                                                               : 0;
  cause_ = Cause::kNone;
  if (reason == 0) return;
  if (debug_.enabled) {
    Halt(reason);
  } else {
    exceptions_->DebugEvent(reason, false);
  }
}

void Processor::FallAsleep(Sleep sleep) {
  sleep_ = sleep;
  if (trace_ != nullptr) trace_->Line("sleep");
}

// §B1.5.18, §B1.5.19: what would be taken but for PRIMASK wakes the core.
bool Processor::IsWoken() const {
  const unsigned next = nvic_.Foremost(debug_.masks());
  return next != 0 && nvic_.GroupPriority(next) < exceptions_->ExecutionPriority(false);
}

bool Processor::Wakes() { return IsWoken() || (sleep_ == Sleep::kForEvent && exceptions_->TakeEvent()); }

bool Processor::CanRun() const {
  const std::optional<End> end = CannotRun();
  if (end) return *end == End::kReset;
  return sleep_ == Sleep::kAwake || IsWoken() || (sleep_ == Sleep::kForEvent && exceptions_->has_event());
}

}  // namespace probegate::sim
