// What executes instructions: registers, and a run that ends where something else has to be decided.
//
// A core knows the instruction set of an ARMv7E-M with FPU and nothing of exceptions, debug or time: it stops for an
// SVC, an exception return, a fault, a sleep, or because its gate said so, and Processor does the rest. Memory comes
// from the bus it was made with: host memory is used as it is, all else by calls.
//
// Threads: one at a time, not always the same.
#pragma once

#include <atomic>
#include <cstdint>

namespace probegate::sim {

// By DCRSR's numbers (ARMv7-M ARM §C1.6.3), where it has one.
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

// Where a run ended. PC is the instruction that stopped it and has not been executed, unless said otherwise.
struct CpuStop {
  enum class Reason : uint8_t {
    kGate,              // before an instruction
    kSupervisorCall,    // SVC; PC is behind it
    kBreakpoint,        // BKPT
    kExceptionReturn,   // `address` is the EXC_RETURN that was branched to; PC means nothing
    kWaitForInterrupt,  // WFI; PC is behind it
    kWaitForEvent,      // WFE; PC is behind it
    kUndefined,         // UsageFault UNDEFINSTR
    kInvalidState,      // a branch to an address without bit 0: UsageFault INVSTATE; PC is that address
    kNoCoprocessor,     // UsageFault NOCP
    kDivideByZero,      // UsageFault DIVBYZERO
    kUnaligned,         // UsageFault UNALIGNED
    kFetchFault,        // nothing to execute at PC: BusFault IBUSERR
    kExecuteNever,      // not to be executed from: MemManage IACCVIOL
    kProtected,         // a load or store at `address` is not allowed: MemManage DACCVIOL
    kDataFault,         // a load or store at `address` failed: BusFault PRECISERR
  };
  Reason reason = Reason::kGate;
  uint32_t address = 0;
};

// Kinds of instructions that a gate wants looked at before they are executed.
enum InstructionKind : uint8_t {
  kSendEvent = 1 << 0,      // SEV; BeforeInstruction hears of it
  kMaskChange = 1 << 1,     // CPS, MSR; BeforeInstruction hears of it
  kFloatingPoint = 1 << 2,  // stops with kNoCoprocessor
  kDivide = 1 << 3,         // by zero: stops with kDivideByZero
};

// Asked before each instruction, and told of each data access where that is wanted. The fields are read in the hot
// loop; all but `attention` are changed only outside a run, or in BeforeInstruction.
class CpuGate {
 public:
  virtual ~CpuGate() = default;

  // Something has to be looked at before the next instruction. Any thread may set it.
  std::atomic<bool> attention{false};

  // True stops the run before the instruction at `pc`. Called where `attention` is set, time is due, bit
  // (pc / 2) % 64 of `marked` is set, or the instruction is of one of the `kinds`.
  virtual bool BeforeInstruction(uint32_t pc, uint8_t kind) = 0;

  // A load or store that is about to be made. Called where `data_accesses` was set when the run began.
  struct Access {
    // Otherwise it is not made, and the run stops with this.
    CpuStop::Reason refused = CpuStop::Reason::kGate;
    // What a load from memory finds, where it is not what is there.
    const uint8_t* instead = nullptr;
  };
  virtual Access OnDataAccess(uint32_t address, unsigned size, bool write, uint32_t value) = 0;

  // Whether unprivileged code has access to this address of the Private Peripheral Bus; kDataFault where not.
  virtual bool IsForAll(uint32_t address) const = 0;

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

  // Executes from PC on, counting each instruction in the clock. Throws what the gate, an alarm or the bus throws, and
  // std::runtime_error where the engine cannot go on; then PC is the instruction that was under way.
  virtual CpuStop Run() = 0;

  // The instruction executed last, or about to be executed.
  virtual uint32_t last_pc() const = 0;
};

}  // namespace probegate::sim
