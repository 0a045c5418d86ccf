// What executes instructions: registers, and runs that end when something else has to be decided.
//
// A core implements the instruction set of an ARMv7E-M with FPU, but no exceptions, debug or time: a run stops at an
// SVC, an exception return, a fault or a sleep, or because the gate says so, and Processor does the rest. Memory is
// that of the bus the core was made with: host memory is accessed directly, everything else by calls.
//
// Threads: one at a time, not always the same.
#pragma once

#include <atomic>
#include <cstdint>

namespace probegate::sim {

// Numbered as in DCRSR (ARMv7-M ARM §C1.6.3), for the registers that have a number there.
enum class CpuRegister : uint8_t {
  kR0 = 0,
  kR12 = 12,
  kSp = 13,  // of the current stack
  kLr = 14,
  kPc = 15,    // the next instruction's address, bit 0 clear
  kXpsr = 16,  // writing it changes mode and stack pointer with IPSR
  kMsp = 17,
  kPsp = 18,
  kFpscr = 0x21,
  kS0 = 0x40,
  kS31 = 0x5F,
  kPrimask = 0x80,
  kBasepri,
  kFaultmask,
  kControl,
};
constexpr CpuRegister GeneralRegister(unsigned number) { return static_cast<CpuRegister>(number); }
constexpr CpuRegister FloatRegister(unsigned number) {
  return static_cast<CpuRegister>(static_cast<unsigned>(CpuRegister::kS0) + number);
}

// Why a run ended. Unless stated otherwise, PC is at the instruction that stopped it, which has not been executed.
struct CpuStop {
  enum class Reason : uint8_t {
    kGate,              // the gate said so; PC is at the next instruction
    kSupervisorCall,    // SVC; PC is after it
    kBreakpoint,        // BKPT
    kExceptionReturn,   // `address` is the EXC_RETURN that was branched to; PC means nothing
    kWaitForInterrupt,  // WFI; PC is after it
    kWaitForEvent,      // WFE; PC is after it
    kUndefined,         // UsageFault UNDEFINSTR
    kInvalidState,      // a branch to an address with bit 0 clear: UsageFault INVSTATE; PC is that address
    kNoCoprocessor,     // UsageFault NOCP
    kDivideByZero,      // UsageFault DIVBYZERO
    kUnaligned,         // UsageFault UNALIGNED
    kFetchFault,        // nothing to execute at PC: BusFault IBUSERR
    kExecuteNever,      // execution at PC is not allowed: MemManage IACCVIOL
    kProtected,         // a load or store at `address` is not allowed: MemManage DACCVIOL
    kDataFault,         // a load or store at `address` failed: BusFault PRECISERR
  };
  Reason reason = Reason::kGate;
  uint32_t address = 0;
};

// Kinds of instructions that a gate can ask to be checked before they are executed.
enum InstructionKind : uint8_t {
  kSendEvent = 1 << 0,      // SEV; BeforeInstruction is called
  kMaskChange = 1 << 1,     // CPS, MSR; BeforeInstruction is called
  kFloatingPoint = 1 << 2,  // stops with kNoCoprocessor
  kDivide = 1 << 3,         // stops with kDivideByZero if the divisor is zero
};

// Decides whether a run goes on. The core reads the fields before each instruction; all of them except `attention` are
// changed only outside a run, or in BeforeInstruction.
class CpuGate {
 public:
  virtual ~CpuGate() = default;

  // Calls for BeforeInstruction before the next instruction. Any thread may set it.
  std::atomic<bool> attention{false};

  // Called if `attention` is set, an alarm of the clock is due, bit (pc / 2) % 64 of `marked` is set, or the
  // instruction is of one of the `kinds`. Returns true to stop the run before the instruction at `pc`.
  virtual bool BeforeInstruction(uint32_t pc, uint8_t kind) = 0;

  // The answer to OnDataAccess.
  struct Access {
    // If not kGate, the access is not made and the run stops with this reason.
    CpuStop::Reason refused = CpuStop::Reason::kGate;
    // If not null, a load from memory gets these bytes instead of what is there.
    const uint8_t* instead = nullptr;
  };
  // Called before each load and store, if `data_accesses` was set when the run began.
  virtual Access OnDataAccess(uint32_t address, unsigned size, bool write, uint32_t value) = 0;

  // Whether unprivileged code may access this address of the Private Peripheral Bus. If not, the run stops with
  // kDataFault.
  virtual bool AllowsUnprivileged(uint32_t address) const = 0;

  uint64_t marked = 0;
  uint8_t kinds = kSendEvent;
  bool data_accesses = false;
};

class CpuCore {
 public:
  virtual ~CpuCore() = default;

  // Registers as a debugger sees them, whatever the mode. The core is not running.
  virtual uint32_t Read(CpuRegister reg) const = 0;
  virtual void Write(CpuRegister reg, uint32_t value) = 0;

  // Executes from PC on until something stops it, and counts each instruction in the clock. Throws what the gate, an
  // alarm or the bus throws, and std::runtime_error if the engine cannot go on; then PC is at the instruction that was
  // being executed. `gate` is used during the call only.
  virtual CpuStop Run(CpuGate& gate) = 0;

  // The address of the instruction that was executed last, or is about to be executed.
  virtual uint32_t last_pc() const = 0;
};

}  // namespace probegate::sim
