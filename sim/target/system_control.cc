#include "sim/target/system_control.h"

#include <algorithm>

#include "sim/target/components.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kAll = 0xFFFFFFFFu;
constexpr uint32_t kSystCsr = 0x010;
constexpr uint32_t kSystRvr = 0x014;
constexpr uint32_t kSystCvr = 0x018;
constexpr uint32_t kAircr = 0xD0C;
constexpr uint32_t kCfsr = 0xD28;
constexpr uint32_t kHfsr = 0xD2C;
constexpr uint32_t kDfsr = 0xD30;
constexpr uint32_t kDhcsr = 0xDF0;
constexpr uint32_t kDcrsr = 0xDF4;
constexpr uint32_t kDcrdr = 0xDF8;
constexpr uint32_t kDemcr = 0xDFC;

constexpr RegisterRow kRegisters[] = {
    {0x004, 1, 0},           // ICTR: 64 interrupts
    {0x01C, 0xC0000000, 0},  // SYST_CALIB
    {0xD00, 0x410FC241, 0},  // CPUID: Cortex-M4 r0p1
    {kAircr, 0xFA050000, 0x00000700},
    {0xD3C, 0, kAll},        // AFSR
    {0xD40, 0x00000030, 0},  // ID_PFR0
    {0xD44, 0x00000200, 0},  // ID_PFR1
    {0xD48, 0x00100000, 0},  // ID_DFR0
    {0xD50, 0x00100030, 0},  // ID_MMFR0
    {0xD58, 0x01000000, 0},  // ID_MMFR2
    {0xD60, 0x01141110, 0},  // ID_ISAR0
    {0xD64, 0x02112000, 0},  // ID_ISAR1
    {0xD68, 0x21232231, 0},  // ID_ISAR2
    {0xD6C, 0x01111130, 0},  // ID_ISAR3: DSP extension
    {0xD70, 0x01310102, 0},  // ID_ISAR4
    {0xF40, 0x10110021, 0},  // MVFR0: single precision
    {0xF44, 0x11000011, 0},  // MVFR1
};
constexpr ComponentId kId = {0xE0, {0x0C, 0xB0, 0x0B, 0x00, 0x04}};

// The registers that execution depends on.
struct SystemRow {
  uint32_t offset;
  uint32_t SystemRegisters::* field;
  uint32_t writable;
};
constexpr SystemRow kSystem[] = {
    {0xD08, &SystemRegisters::vtor, 0xFFFFFF80},   {0xD10, &SystemRegisters::scr, 0x16},
    {0xD14, &SystemRegisters::ccr, 0x31B},         {0xD34, &SystemRegisters::mmfar, kAll},
    {0xD38, &SystemRegisters::bfar, kAll},         {0xD88, &SystemRegisters::cpacr, 0x00F00000},
    {0xF34, &SystemRegisters::fpccr, 0xC0000000},  {0xF38, &SystemRegisters::fpcar, 0xFFFFFFF8},
    {0xF3C, &SystemRegisters::fpdscr, 0x07C00000},
};

const SystemRow* FindSystem(uint32_t offset) {
  const SystemRow* row = std::find_if(std::begin(kSystem), std::end(kSystem),
                                      [offset](const SystemRow& candidate) { return candidate.offset == offset; });
  return row == std::end(kSystem) ? nullptr : row;
}

constexpr uint32_t kAircrKey = 0x05FA;
constexpr uint32_t kVectReset = 1u << 0;
constexpr uint32_t kSysResetReq = 1u << 2;

}  // namespace

SystemControl::SystemControl(Processor& processor, CoreDebug& debug, std::function<void(ResetCause)> reset)
    : RegisterBlock(kRegisters), processor_(processor), debug_(debug), reset_(std::move(reset)) {
  Define(IdRows(kId));
}

void SystemControl::Reset() { Define(kRegisters); }

uint32_t SystemControl::ReadWord(uint32_t offset) {
  if (Nvic::HasRegister(offset)) return processor_.nvic().ReadWord(offset, processor_.ipsr());
  if (Mpu::HasRegister(offset)) return processor_.mpu().ReadWord(offset);
  if (const SystemRow* row = FindSystem(offset)) return processor_.registers().*row->field;
  switch (offset) {
    case kSystCsr:
      return processor_.sys_tick().ReadControl();
    case kSystRvr:
      return processor_.sys_tick().reload();
    case kSystCvr:
      return processor_.sys_tick().ReadCurrent();
    case kCfsr:
      return processor_.registers().cfsr;
    case kHfsr:
      return processor_.registers().hfsr;
    case kDfsr:
      return debug_.dfsr();
    case kDhcsr:
      return debug_.ReadDhcsr();
    case kDcrdr:
      return debug_.dcrdr();
    case kDemcr:
      return debug_.ReadDemcr();
    default:
      return word(offset);
  }
}

// Registers whose bits have an effect when ones are written get zeros in the lanes that a smaller write leaves out.
uint32_t SystemControl::OtherLanes(uint32_t offset) {
  if (Nvic::HoldsPriorities(offset) || FindSystem(offset) != nullptr) return ReadWord(offset);
  return word(offset);
}

void SystemControl::WriteWord(uint32_t offset, uint32_t value) {
  if (Nvic::HasRegister(offset)) {
    processor_.nvic().WriteWord(offset, value);
    return;
  }
  if (Mpu::HasRegister(offset)) {
    processor_.mpu().WriteWord(offset, value);
    return;
  }
  if (const SystemRow* row = FindSystem(offset)) {
    uint32_t& field = processor_.registers().*row->field;
    field = (field & ~row->writable) | (value & row->writable);
    processor_.Reconsider();
    return;
  }
  if (WriteDebug(offset, value)) return;
  switch (offset) {
    case kSystCsr:
      processor_.sys_tick().WriteControl(value);
      break;
    case kSystRvr:
      processor_.sys_tick().WriteReload(value);
      break;
    case kSystCvr:
      processor_.sys_tick().ClearCurrent();
      break;
    case kAircr:
      WriteAircr(value);
      break;
    case kCfsr:
      processor_.registers().cfsr &= ~value;
      break;
    case kHfsr:
      processor_.registers().hfsr &= ~value;
      break;
    default:
      Keep(offset, value);
      break;
  }
}

bool SystemControl::WriteDebug(uint32_t offset, uint32_t value) {
  switch (offset) {
    case kDfsr:
      debug_.ClearDfsr(value);
      return true;
    case kDhcsr:
      debug_.WriteDhcsr(value);
      return true;
    case kDcrsr:
      debug_.WriteDcrsr(value);
      return true;
    case kDcrdr:
      debug_.set_dcrdr(value);
      return true;
    case kDemcr:
      debug_.WriteDemcr(value);
      return true;
    default:
      return false;
  }
}

// VECTRESET resets only a halted core (§B3.2.6).
void SystemControl::WriteAircr(uint32_t value) {
  if (value >> 16 != kAircrKey) return;
  Keep(kAircr, value);
  processor_.nvic().SetPriorityGrouping(value >> 8 & 7);
  if (processor_.held()) return;
  if ((value & kSysResetReq) != 0) {
    reset_(ResetCause::kRequest);
  } else if ((value & kVectReset) != 0 && processor_.halted()) {
    reset_(ResetCause::kVector);
  }
}

}  // namespace probegate::sim
