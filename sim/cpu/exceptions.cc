#include "sim/cpu/exceptions.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "sim/cpu/exception_frame.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kXpsrThumb = 1u << 24;
constexpr uint32_t kXpsrException = 0x1FF;
constexpr uint32_t kXpsrIt = 0x0600FC00;

constexpr uint32_t kLockupPc = 0xFFFFFFFE;

struct FaultRow {
  CpuStop::Reason reason;
  Exception exception;
  uint32_t status;   // CFSR
  uint32_t catches;  // DEMCR
};
using Reason = CpuStop::Reason;
constexpr FaultRow kFaults[] = {
    {Reason::kUndefined, kUsageFault, kUndefInstr, kCatchState},
    {Reason::kInvalidState, kUsageFault, kInvState, kCatchState},
    {Reason::kNoCoprocessor, kUsageFault, kNoCp, kCatchNoCoprocessor},
    {Reason::kDivideByZero, kUsageFault, kDivByZero, kCatchCheck},
    {Reason::kUnaligned, kUsageFault, kUnaligned, kCatchCheck},
    {Reason::kFetchFault, kBusFault, kIbusErr, kCatchBus},
    {Reason::kDataFault, kBusFault, kPrecisErr | kBfarValid, kCatchBus},
    {Reason::kProtected, kMemManage, kDaccViol | kMmarValid, kCatchMemManage},
    {Reason::kExecuteNever, kMemManage, kIaccViol, kCatchMemManage},
};

bool IsKnownReturn(uint32_t exc_return) {
  const uint32_t kind = exc_return & ~kReturnBasic;
  return kind == kReturnBase || kind == (kReturnBase | kReturnThread) ||
         kind == (kReturnBase | kReturnThread | kReturnPsp);
}

}  // namespace

void Exceptions::Reset() {
  locked_up_ = event_ = false;
  core_.Write(CpuRegister::kXpsr, kXpsrThumb);
  core_.Write(CpuRegister::kControl, 0);
  for (const CpuRegister mask : {CpuRegister::kPrimask, CpuRegister::kBasepri, CpuRegister::kFaultmask}) {
    core_.Write(mask, 0);
  }
  for (unsigned i = 0; i <= 12; ++i) core_.Write(GeneralRegister(i), 0);
  for (unsigned i = 0; i < 32; ++i) core_.Write(FloatRegister(i), 0);
  core_.Write(CpuRegister::kFpscr, 0);
  core_.Write(CpuRegister::kLr, 0xFFFFFFFF);
  core_.Write(CpuRegister::kPsp, 0);
  const std::optional<uint32_t> stack = bus_.Read(registers_.vtor, 4);
  const std::optional<uint32_t> entry = bus_.Read(registers_.vtor + 4, 4);
  core_.Write(CpuRegister::kMsp, stack.value_or(0) & ~3u);
  core_.Write(CpuRegister::kPc, entry.value_or(kLockupPc));
  if (entry && (*entry & 1) == 0) core_.Write(CpuRegister::kXpsr, 0);
  if (!stack || !entry) LockUp();
}

int Exceptions::ExecutionPriorityWithoutPrimask() const {
  int priority = nvic_.ActivePriority();
  const auto basepri = static_cast<uint8_t>(core_.Read(CpuRegister::kBasepri));
  if (basepri != 0) priority = std::min(priority, nvic_.GroupPriority(basepri));
  if ((core_.Read(CpuRegister::kFaultmask) & 1) != 0) priority = std::min(priority, -1);
  return priority;
}

int Exceptions::ExecutionPriority() const {
  const int priority = ExecutionPriorityWithoutPrimask();
  return (core_.Read(CpuRegister::kPrimask) & 1) != 0 ? std::min(priority, 0) : priority;
}

bool Exceptions::Preempts() const {
  const unsigned exception = nvic_.Foremost(debug_.masks());
  return exception != 0 && nvic_.GroupPriority(exception) < ExecutionPriority();
}

bool Exceptions::WakesCore() const {
  const unsigned exception = nvic_.Foremost(debug_.masks());
  return exception != 0 && nvic_.GroupPriority(exception) < ExecutionPriorityWithoutPrimask();
}

bool Exceptions::privileged() const {
  return in_handler() || (core_.Read(CpuRegister::kControl) & kControlUnprivileged) == 0;
}

bool Exceptions::TakePending() {
  const unsigned exception = nvic_.Foremost(debug_.masks());
  if (exception == 0 || nvic_.GroupPriority(exception) >= ExecutionPriority()) return false;
  Enter(exception, core_.Read(CpuRegister::kPc));
  return true;
}

bool Exceptions::IsPendingMasked() const {
  const unsigned exception = nvic_.Foremost(debug_.masks());
  return exception != 0 && nvic_.GroupPriority(exception) < nvic_.ActivePriority();
}

bool Exceptions::TakeEvent() {
  const bool event = event_;
  event_ = false;
  return event;
}

bool Exceptions::IsExecuteNever(uint32_t address) {
  return (address >= 0x40000000 && address < 0x60000000) || address >= 0xA0000000;
}

void Exceptions::LockUp() {
  locked_up_ = true;
  if (trace_ != nullptr) trace_->Line("lockup");
  core_.Write(CpuRegister::kPc, kLockupPc);
}

void Exceptions::Catch(uint32_t catches) {
  if (!debug_.Catches(catches)) return;
  const bool was_halted = debug_.halted;
  debug_.Halt(kHaltVectorCatch);
  if (!was_halted && trace_ != nullptr) {
    trace_->Line("halt {:02x} {:08x}", debug_.dfsr, core_.Read(CpuRegister::kPc));
  }
}

uint32_t Exceptions::MakeExcReturn() const {
  const uint32_t control = core_.Read(CpuRegister::kControl);
  const bool thread = !in_handler();
  return kReturnBase | ((control & kControlFp) != 0 ? 0 : kReturnBasic) | (thread ? kReturnThread : 0) |
         (thread && (control & kControlSpsel) != 0 ? kReturnPsp : 0);
}

// If stacking faults, that fault is taken instead of the exception, which stays pending if it was pending before.
void Exceptions::Enter(unsigned exception, uint32_t return_address) {
  const uint32_t exc_return = MakeExcReturn();
  if (ExceptionFrame::Push(core_, bus_, registers_, return_address)) {
    Take(exception, exc_return);
    return;
  }
  registers_.cfsr |= kStkErr;
  // The priority of the exception that is being entered already counts.
  const bool stronger = nvic_.IsEnabled(kBusFault) && nvic_.GroupPriority(kBusFault) < ExecutionPriority() &&
                        nvic_.GroupPriority(kBusFault) < nvic_.GroupPriority(exception);
  if (stronger) {
    Take(kBusFault, exc_return);
  } else if (exception == kHardFault || exception == kNmi) {
    Take(exception, exc_return);
  } else {
    registers_.hfsr |= kForced;
    Take(kHardFault, exc_return);
  }
  Catch(kCatchException);
}

// §B1.5.6 ExceptionTaken: the rest of an entry, once its frame is on the stack or has been left there by the previous
// handler.
void Exceptions::Take(unsigned exception, uint32_t exc_return) {
  const std::optional<uint32_t> vector = bus_.Read(registers_.vtor + 4 * exception, 4);
  if (!vector && exception != kHardFault && exception != kNmi) {
    registers_.hfsr |= kVectTbl;
    Take(kHardFault, exc_return);
    Catch(kCatchException);
    return;
  }
  const uint32_t xpsr = core_.Read(CpuRegister::kXpsr);
  if ((xpsr & kXpsrException) == 0) {
    core_.Write(CpuRegister::kControl, core_.Read(CpuRegister::kControl) & kControlUnprivileged);
  } else {
    core_.Write(CpuRegister::kControl, core_.Read(CpuRegister::kControl) & ~kControlFp);
  }
  const uint32_t thumb = (vector.value_or(1) & 1) != 0 ? kXpsrThumb : 0;
  core_.Write(CpuRegister::kXpsr, (xpsr & ~(kXpsrException | kXpsrIt | kXpsrThumb)) | thumb | exception);
  core_.Write(CpuRegister::kLr, exc_return);
  nvic_.Activate(exception);
  if (trace_ != nullptr) trace_->Line("exception {}", exception);
  event_ = true;
  if (!vector) {
    registers_.hfsr |= kVectTbl;
    LockUp();
    return;
  }
  core_.Write(CpuRegister::kPc, *vector);
  if (exception == kHardFault) Catch(kCatchHardFault);
}

// What `exception`, which must be taken at once, becomes: itself, HardFault, or 0 for lockup (§B1.5.14).
unsigned Exceptions::Escalate(unsigned exception) {
  const int priority = ExecutionPriority();
  if (exception != kHardFault) {
    if (nvic_.IsEnabled(exception) && nvic_.GroupPriority(exception) < priority) return exception;
    registers_.hfsr |= kForced;
  }
  return priority > nvic_.GroupPriority(kHardFault) ? unsigned{kHardFault} : 0;
}

void Exceptions::Raise(unsigned exception, uint32_t return_address) {
  const unsigned taken = Escalate(exception);
  if (taken == 0) {
    LockUp();
  } else {
    Enter(taken, return_address);
  }
}

// §B1.5.8: if a return fails, the handler of its fault is entered with the frame left on the stack.
void Exceptions::RaiseInReturn(unsigned exception, uint32_t exc_return) {
  const unsigned taken = Escalate(exception);
  if (taken == 0) {
    LockUp();
  } else {
    Take(taken, exc_return);
  }
}

void Exceptions::SupervisorCall() {
  const uint32_t next = core_.Read(CpuRegister::kPc);
  Raise(kSvCall, next);
}

void Exceptions::Fault(const CpuStop& stop) {
  const FaultRow* row = std::find_if(std::begin(kFaults), std::end(kFaults),
                                     [&](const FaultRow& candidate) { return candidate.reason == stop.reason; });
  if (row == std::end(kFaults)) return;
  registers_.cfsr |= row->status;
  if (stop.reason == Reason::kDataFault) registers_.bfar = stop.address;
  if (stop.reason == Reason::kProtected) registers_.mmfar = stop.address;
  Raise(row->exception, core_.Read(CpuRegister::kPc));
  if (!locked_up_) Catch(row->catches);
}

bool Exceptions::MonitorPreempts() const {
  return (debug_.demcr & kMonitorEnable) != 0 && nvic_.GroupPriority(kDebugMonitor) < ExecutionPriority();
}

void Exceptions::DebugEvent(uint32_t reason, bool is_instruction) {
  if (MonitorPreempts()) {
    debug_.dfsr |= reason;
    Enter(kDebugMonitor, core_.Read(CpuRegister::kPc));
  } else if (is_instruction) {
    debug_.dfsr |= reason;
    registers_.hfsr |= kDebugEvt;
    Raise(kHardFault, core_.Read(CpuRegister::kPc));
  }
}

void Exceptions::Return(uint32_t exc_return) {
  const unsigned current = ipsr();
  if (current == 0) {  // in thread mode it is not an EXC_RETURN but an address like any other
    core_.Write(CpuRegister::kPc, exc_return);
    Fault({Reason::kExecuteNever, exc_return});
    return;
  }
  const bool was_active = nvic_.IsActive(current);
  nvic_.Deactivate(current);
  if (current != kNmi) core_.Write(CpuRegister::kFaultmask, 0);
  const bool thread = (exc_return & kReturnThread) != 0;
  const bool nested = nvic_.AnyActive();
  const bool allowed = thread ? !nested || (registers_.ccr & kNonBaseThread) != 0 : nested;
  if (!was_active || !IsKnownReturn(exc_return) || !allowed) {
    registers_.cfsr |= kInvPc;
    RaiseInReturn(kUsageFault, 0xF0000000 | (exc_return & 0x0FFFFFFF));
    Catch(kCatchState);
    return;
  }
  event_ = true;
  // Tail-chaining (§B1.5.12): the next exception uses the frame that is already on the stack.
  const unsigned next = nvic_.Foremost(debug_.masks());
  if (next != 0 && nvic_.GroupPriority(next) < ExecutionPriority()) {
    Take(next, exc_return);
    return;
  }
  if (!Pop(exc_return)) Catch(kCatchException);
}

// §B1.5.8 PopStack.
bool Exceptions::Pop(uint32_t exc_return) {
  const std::optional<ExceptionFrame> frame = ExceptionFrame::Load(core_, bus_, exc_return);
  if (!frame) {
    registers_.cfsr |= kUnstkErr;
    RaiseInReturn(kBusFault, exc_return);
    return false;
  }
  const bool thread = (exc_return & kReturnThread) != 0;
  if (thread != ((frame->xpsr() & kXpsrException) == 0)) {
    registers_.cfsr |= kInvPc;
    RaiseInReturn(kUsageFault, 0xF0000000 | (exc_return & 0x0FFFFFFF));
    return false;
  }
  frame->Restore(core_, registers_);
  if (trace_ != nullptr) trace_->Line("return {:08x}", frame->return_address());
  return true;
}

}  // namespace probegate::sim
