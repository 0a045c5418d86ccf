#include "sim/cpu/unicorn_registers.h"

#include <unicorn/unicorn.h>

namespace probegate::sim {
namespace {

constexpr uint32_t kXpsrException = 0x1FF;
constexpr uint32_t kUnprivileged = 1;
constexpr uint32_t kAnyHandler = 3;

constexpr int kGeneral = 15;

int UnicornRegister(CpuRegister reg) {
  const auto number = static_cast<int>(reg);
  if (reg <= CpuRegister::kR12) return UC_ARM_REG_R0 + number;
  if (reg >= CpuRegister::kS0 && reg <= CpuRegister::kS31)
    return UC_ARM_REG_S0 + number - static_cast<int>(CpuRegister::kS0);
  switch (reg) {
    case CpuRegister::kSp:
      return UC_ARM_REG_SP;
    case CpuRegister::kLr:
      return UC_ARM_REG_LR;
    case CpuRegister::kXpsr:
      return UC_ARM_REG_XPSR;
    case CpuRegister::kMsp:
      return UC_ARM_REG_MSP;
    case CpuRegister::kPsp:
      return UC_ARM_REG_PSP;
    case CpuRegister::kFpscr:
      return UC_ARM_REG_FPSCR;
    case CpuRegister::kPrimask:
      return UC_ARM_REG_PRIMASK;
    case CpuRegister::kBasepri:
      return UC_ARM_REG_BASEPRI;
    case CpuRegister::kFaultmask:
      return UC_ARM_REG_FAULTMASK;
    default:
      return UC_ARM_REG_CONTROL;
  }
}

bool IsHidden(CpuRegister reg) {
  return reg == CpuRegister::kMsp || reg == CpuRegister::kPsp || reg >= CpuRegister::kPrimask;
}

int SavedRegister(size_t index) {
  const int number = static_cast<int>(index);
  if (number == 13) return UC_ARM_REG_SP;
  if (number == 14) return UC_ARM_REG_LR;
  return number < kGeneral ? UC_ARM_REG_R0 + number : UC_ARM_REG_S0 + number - kGeneral;
}

}  // namespace

// While an object of this class exists, the registers that unprivileged code cannot access can be read and written.
class UnicornRegisters::Privileged {
 public:
  explicit Privileged(const UnicornRegisters& registers)
      : registers_(registers), borrowed_(registers.IsUnprivileged()) {
    if (borrowed_) registers_.Set(UC_ARM_REG_IPSR, kAnyHandler);
  }
  ~Privileged() {
    if (borrowed_) registers_.Set(UC_ARM_REG_IPSR, 0);
  }
  Privileged(const Privileged&) = delete;
  Privileged& operator=(const Privileged&) = delete;

 private:
  const UnicornRegisters& registers_;
  const bool borrowed_;
};

uint32_t UnicornRegisters::Get(int reg) const {
  uint32_t value = 0;
  uc_reg_read(engine_, reg, &value);
  return value;
}

void UnicornRegisters::Set(int reg, uint32_t value) const { uc_reg_write(engine_, reg, &value); }

void UnicornRegisters::DeriveState() const { Set(UC_ARM_REG_APSR_NZCV, Get(UC_ARM_REG_APSR_NZCV)); }

uint32_t UnicornRegisters::pc() const { return Get(UC_ARM_REG_PC); }

bool UnicornRegisters::IsUnprivileged() const {
  return (Get(UC_ARM_REG_XPSR) & kXpsrException) == 0 && (Get(UC_ARM_REG_CONTROL) & kUnprivileged) != 0;
}

uint32_t UnicornRegisters::Read(CpuRegister reg) const {
  if (!IsHidden(reg)) return Get(UnicornRegister(reg));
  const Privileged privileged(*this);
  return Get(UnicornRegister(reg));
}

void UnicornRegisters::Write(CpuRegister reg, uint32_t value) {
  if (reg == CpuRegister::kControl) {
    WriteControl(value);
  } else if (reg == CpuRegister::kXpsr) {
    Set(UC_ARM_REG_XPSR_NZCVQG, value);
    DeriveState();
  } else if (IsHidden(reg)) {
    const Privileged privileged(*this);
    Set(UnicornRegister(reg), value);
  } else {
    Set(UnicornRegister(reg), value);
  }
}

// Unprivileged code cannot make itself privileged by a write, so nPRIV is first cleared as if from a handler.
void UnicornRegisters::WriteControl(uint32_t value) {
  if (IsUnprivileged()) {
    Set(UC_ARM_REG_IPSR, kAnyHandler);
    Set(UC_ARM_REG_CONTROL, Get(UC_ARM_REG_CONTROL) & ~kUnprivileged);
    Set(UC_ARM_REG_IPSR, 0);
  }
  Set(UC_ARM_REG_CONTROL, value & 7);
  DeriveState();
}

void UnicornRegisters::Save() {
  for (size_t i = 0; i < kSaved; ++i) saved_[i] = Get(SavedRegister(i));
}

void UnicornRegisters::Restore() {
  for (size_t i = 0; i < kSaved; ++i) Set(SavedRegister(i), saved_[i]);
}

}  // namespace probegate::sim
