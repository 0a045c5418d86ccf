#include "sim/cpu/unicorn_stop.h"

#include <unicorn/unicorn.h>

#include <stdexcept>
#include <string>

#include "sim/cpu/opcodes.h"

namespace probegate::sim {
namespace {

using Reason = CpuStop::Reason;

constexpr uint32_t kExceptionReturns = 0xFFFFFFE0;

// The numbers by which UC_HOOK_INTR reports interrupts.
enum Interrupt : int {
  kIntUndefined = 1,
  kIntSupervisorCall = 2,
  kIntPrefetchAbort = 3,
  kIntDataAbort = 4,
  kIntBreakpoint = 7,
  kIntExceptionExit = 8,
  kIntSemihosting = 16,
  kIntNoCoprocessor = 17,
  kIntInvalidState = 18,
};

CpuStop StopOfInterrupt(const UnicornEnd& end, uint32_t& pc) {
  switch (end.interrupt) {
    case kIntSupervisorCall:
      return {Reason::kSupervisorCall};
    case kIntBreakpoint:
    case kIntSemihosting:
      pc = end.last_pc;
      return {Reason::kBreakpoint};
    case kIntExceptionExit:
      return {Reason::kExceptionReturn, pc | 1};
    case kIntPrefetchAbort:
      return pc >= kExceptionReturns ? CpuStop{Reason::kExceptionReturn, pc | 1} : CpuStop{Reason::kFetchFault, pc};
    case kIntDataAbort:
      pc = end.last_pc;
      return {Reason::kUnaligned};
    case kIntNoCoprocessor:
      pc = end.last_pc;
      return {Reason::kNoCoprocessor};
    case kIntInvalidState:
      return {Reason::kInvalidState};
    default:
      pc = end.last_pc;
      return {Reason::kUndefined};
  }
}

// WFI ends a run without any error, WFE and YIELD as if they were invalid instructions.
CpuStop StopOfInvalid(const UnicornEnd& end, uint32_t& pc) {
  if (!end.thumb) return {Reason::kInvalidState};
  if (end.last_opcode == kOpcodeWfe || end.last_opcode == kOpcodeYield) {
    pc = end.last_pc + 2;
    return {end.last_opcode == kOpcodeWfe ? Reason::kWaitForEvent : Reason::kGate};
  }
  pc = end.last_pc;
  return {Reason::kUndefined};
}

}  // namespace

CpuStop StopOf(const UnicornEnd& end, uint32_t& pc) {
  pc = end.pc;
  if (end.interrupt >= 0) return StopOfInterrupt(end, pc);
  switch (end.error) {
    case UC_ERR_OK:
      if (end.last_opcode != kOpcodeWfi) return {Reason::kGate};
      pc = end.last_pc + 2;
      return {Reason::kWaitForInterrupt};
    case UC_ERR_READ_UNMAPPED:
    case UC_ERR_WRITE_UNMAPPED:
    case UC_ERR_READ_PROT:
    case UC_ERR_WRITE_PROT:
      pc = end.last_pc;
      return {Reason::kDataFault, end.fault_address};
    case UC_ERR_FETCH_UNMAPPED:
    case UC_ERR_FETCH_PROT:
      return pc >= kExceptionReturns ? CpuStop{Reason::kExceptionReturn, pc | 1} : CpuStop{Reason::kFetchFault, pc};
    case UC_ERR_INSN_INVALID:
    case UC_ERR_EXCEPTION:
      return StopOfInvalid(end, pc);
    default:
      throw std::runtime_error(std::string("the CPU engine: ") + uc_strerror(static_cast<uc_err>(end.error)));
  }
}

}  // namespace probegate::sim
