#include "sim/cpu/processor.h"

#include <exception>

namespace probegate::sim {
namespace {

constexpr uint32_t kXpsrThumb = 1u << 24;

}  // namespace

Processor::Processor(Bus& bus, SimClock& clock, const MakeCore& make_core)
    : clock_(clock),
      sys_tick_(clock, nvic_),
      watchpoints_(clock, debug_, [this] { return debug_.halted ? 0xFFFFFFFF : core_->last_pc(); }),
      core_(make_core(bus, clock)),
      exceptions_(*core_, bus, nvic_, registers_, debug_),
      gate_(bus, clock, registers_, exceptions_, mpu_, breakpoints_, watchpoints_),
      limit_(clock, [] {}) {
  nvic_.OnChange([this] {
    if ((registers_.scr & kEventOnPend) != 0) exceptions_.SendEvent();
    Reconsider();
  });
  mpu_.OnChange([this] { Reconsider(); });
  breakpoints_.OnChange([this] { Reconsider(); });
  watchpoints_.OnChange([this] { Reconsider(); });
  UpdateClocks();
}

void Processor::TraceTo(Trace* trace) {
  trace_ = trace;
  exceptions_.TraceTo(trace);
}

void Processor::RequestReset(ResetCause cause) {
  reset_request_ = cause;
  gate_.RequestStop();
}

void Processor::Reset() {
  debug_.halt = false;
  LeaveReset();
}

void Processor::PowerUp() {
  debug_ = {};
  breakpoints_.PowerUp();
  watchpoints_.PowerUp();
  if (!held_) LeaveReset();
}

void Processor::LeaveReset() {
  registers_ = {};
  mpu_.Reset();
  nvic_.Reset();
  sys_tick_.Reset();
  sleep_ = Sleep::kAwake;
  static_cast<void>(gate_.TakeCause());
  reset_request_.reset();
  debug_.was_reset = true;
  debug_.halted = false;
  exceptions_.Reset();
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
    exceptions_.LeaveLockup();
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
  exceptions_.LeaveLockup();
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

// SysTick and CYCCNT stop while the core is halted (§C1.6.2). Unless the debug domain has power, SysTick's clock also
// stops while the core sleeps (nRF52840 PS v1.1, CPU).
void Processor::UpdateClocks() {
  const bool sleeps = sleep_ != Sleep::kAwake && !debug_powered_;
  sys_tick_.SetClocked(!debug_.halted && !held_ && !sleeps);
  watchpoints_.SetClocked(!debug_.halted);
}

std::optional<Processor::End> Processor::CannotRun() const {
  if (held_) return End::kHeld;
  if (reset_request_) return End::kReset;
  if (debug_.halted) return End::kHalted;
  if (exceptions_.locked_up()) return End::kLockedUp;
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
    if (gate_.TakeInterrupt()) return End::kInterrupted;
    if (const std::optional<End> end = CannotRun()) {
      UpdateClocks();
      return *end;
    }
    if (clock_.now() >= until) return End::kTimeUp;
    if (gate_.watch_hit()) {
      ActAtGate();
      continue;
    }
    if (exceptions_.TakePending()) sleep_ = Sleep::kAwake;
    if (debug_.halted) continue;  // by a vector catch
    if (sleep_ != Sleep::kAwake) {
      if (!Wakes()) {
        UpdateClocks();
        return End::kAsleep;
      }
      sleep_ = Sleep::kAwake;
    }
    UpdateClocks();
    Execute(/*single_step=*/false);
  }
}

void Processor::Step() {
  clock_.RunDue();
  Resume();
  if (!exceptions_.TakePending()) Execute(/*single_step=*/true);  // entering an exception is a step too
  if (gate_.watch_hit()) ActAtGate();
  if (reset_request_) return;
  Halt(debug_.halted ? 0 : kHaltRequest);
}

// Lets the core run once, and acts on what ended that.
void Processor::Execute(bool single_step) {
  const uint32_t pc = core_->Read(CpuRegister::kPc);
  gate_.Begin(single_step);
  debug_.retired = true;
  if (Exceptions::IsExecuteNever(pc)) {
    exceptions_.Fault({CpuStop::Reason::kExecuteNever, pc});
  } else if ((core_->Read(CpuRegister::kXpsr) & kXpsrThumb) == 0) {
    exceptions_.Fault({CpuStop::Reason::kInvalidState});
  } else {
    running_ = true;
    CpuStop stop;
    try {
      stop = core_->Run(gate_);
    } catch (const std::exception& error) {
      running_ = false;
      Fail(error.what());
      return;
    }
    running_ = false;
    Act(stop);
  }
}

// The architecture has no such state; lockup is one that a debugger knows, and can get a core out of.
void Processor::Fail(const char* what) {
  exceptions_.LockUp();
  if (failed_) failed_(what);
}

void Processor::Act(const CpuStop& stop) {
  using Reason = CpuStop::Reason;
  switch (stop.reason) {
    case Reason::kGate:
      ActAtGate();
      break;
    case Reason::kSupervisorCall:
      exceptions_.SupervisorCall();
      break;
    case Reason::kBreakpoint:
      if (debug_.enabled) {
        Halt(kHaltBreakpoint);
      } else {
        exceptions_.DebugEvent(kHaltBreakpoint, true);
      }
      break;
    case Reason::kExceptionReturn:
      exceptions_.Return(stop.address);
      if (!exceptions_.in_handler() && (registers_.scr & kSleepOnExit) != 0) FallAsleep(Sleep::kForInterrupt);
      break;
    case Reason::kWaitForInterrupt:
      FallAsleep(Sleep::kForInterrupt);
      break;
    case Reason::kWaitForEvent:
      if (!exceptions_.TakeEvent()) FallAsleep(Sleep::kForEvent);
      break;
    case Reason::kFetchFault:
      exceptions_.Fault(Exceptions::IsExecuteNever(stop.address) ? CpuStop{Reason::kExecuteNever, stop.address} : stop);
      break;
    default:
      exceptions_.Fault(stop);
      break;
  }
}

void Processor::ActAtGate() {
  const ProcessorGate::Cause cause = gate_.TakeCause();
  if (cause == ProcessorGate::Cause::kNone) return;
  if (cause == ProcessorGate::Cause::kNoExecution) {
    exceptions_.Fault({CpuStop::Reason::kExecuteNever, core_->Read(CpuRegister::kPc)});
    return;
  }
  const uint32_t reason = cause == ProcessorGate::Cause::kWatchpoint ? kHaltWatchpoint : kHaltBreakpoint;
  if (debug_.enabled) {
    Halt(reason);
  } else {
    exceptions_.DebugEvent(reason, false);
  }
}

void Processor::FallAsleep(Sleep sleep) {
  sleep_ = sleep;
  if (trace_ != nullptr) trace_->Line("sleep");
}

bool Processor::Wakes() { return exceptions_.WakesCore() || (sleep_ == Sleep::kForEvent && exceptions_.TakeEvent()); }

bool Processor::CanRun() const {
  const std::optional<End> end = CannotRun();
  if (end) return *end == End::kReset;
  return sleep_ == Sleep::kAwake || exceptions_.WakesCore() || (sleep_ == Sleep::kForEvent && exceptions_.has_event());
}

}  // namespace probegate::sim
