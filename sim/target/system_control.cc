#include "sim/target/system_control.h"

#include "sim/target/components.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kAll = 0xFFFFFFFFu;
constexpr uint32_t kAircr = 0xD0C;
constexpr uint32_t kCfsr = 0xD28;
constexpr uint32_t kHfsr = 0xD2C;
constexpr uint32_t kDfsr = 0xD30;
constexpr uint32_t kDhcsr = 0xDF0;
constexpr uint32_t kDcrsr = 0xDF4;
constexpr uint32_t kDcrdr = 0xDF8;
constexpr uint32_t kDemcr = 0xDFC;

constexpr RegisterRow kRegisters[] = {
    {0x004, 1, 0},               // ICTR: 64 interrupts
    {0x010, 0, 0x00010007},      // SYST_CSR
    {0x014, 0, 0x00FFFFFF, 2},   // SYST_RVR, SYST_CVR
    {0x01C, 0xC0000000, 0},      // SYST_CALIB
    {0x100, 0, kAll, 2},         // ISER
    {0x180, 0, kAll, 2},         // ICER
    {0x200, 0, kAll, 2},         // ISPR
    {0x280, 0, kAll, 2},         // ICPR
    {0x400, 0, 0xE0E0E0E0, 16},  // IPR
    {0xD00, 0x410FC241, 0},      // CPUID: Cortex-M4 r0p1
    {0xD04, 0, 0x9A000000},      // ICSR
    {0xD08, 0, 0xFFFFFF80},      // VTOR
    {kAircr, 0xFA050000, 0x00000700},
    {0xD10, 0, 0x16},           // SCR
    {0xD14, 0x200, 0x31B},      // CCR
    {0xD18, 0, 0xE0E0E0E0, 3},  // SHPR
    {0xD24, 0, 0x0007FD8B},     // SHCSR
    {kCfsr, 0, kAll},
    {kHfsr, 0, kAll},
    {0xD34, 0, kAll, 3},              // MMFAR, BFAR, AFSR
    {0xD40, 0x00000030, 0},           // ID_PFR0
    {0xD44, 0x00000200, 0},           // ID_PFR1
    {0xD48, 0x00100000, 0},           // ID_DFR0
    {0xD50, 0x00100030, 0},           // ID_MMFR0
    {0xD58, 0x01000000, 0},           // ID_MMFR2
    {0xD60, 0x01141110, 0},           // ID_ISAR0
    {0xD64, 0x02112000, 0},           // ID_ISAR1
    {0xD68, 0x21232231, 0},           // ID_ISAR2
    {0xD6C, 0x01111130, 0},           // ID_ISAR3: DSP extension
    {0xD70, 0x01310102, 0},           // ID_ISAR4
    {0xD88, 0, 0x00F00000},           // CPACR
    {0xD90, 0x00000800, 0},           // MPU_TYPE: eight regions
    {0xD94, 0, kAll, 11},             // MPU_CTRL to MPU_RASR_A3
    {0xF34, 0xC0000000, 0xC0000000},  // FPCCR
    {0xF38, 0, 0xFFFFFFF8},           // FPCAR
    {0xF3C, 0, 0x07C00000},           // FPDSCR
    {0xF40, 0x10110021, 0},           // MVFR0: single precision
    {0xF44, 0x11000011, 0},           // MVFR1
};
constexpr ComponentId kId = {0xE0, {0x0C, 0xB0, 0x0B, 0x00, 0x04}};

constexpr uint32_t kAircrKey = 0x05FA;
constexpr uint32_t kVectReset = 1u << 0;
constexpr uint32_t kSysResetReq = 1u << 2;

}  // namespace

SystemControl::SystemControl(CortexM& core) : RegisterBlock(kRegisters), core_(core) { Define(IdRows(kId)); }

void SystemControl::Reset() {
  Define(kRegisters);
  core_.Reset();
}

void SystemControl::HoldReset(bool held) {
  if (held) Define(kRegisters);
  core_.HoldReset(held);
}

uint32_t SystemControl::ReadWord(uint32_t offset) {
  switch (offset) {
    case kDfsr:
      return core_.dfsr();
    case kDhcsr:
      return core_.ReadDhcsr();
    case kDcrdr:
      return core_.dcrdr();
    case kDemcr:
      return core_.demcr();
    default:
      return word(offset);
  }
}

void SystemControl::WriteWord(uint32_t offset, uint32_t value) {
  switch (offset) {
    case kAircr:
      WriteAircr(value);
      break;
    case kCfsr:
    case kHfsr:
      word(offset) &= ~value;
      break;
    case kDfsr:
      core_.ClearDfsr(value);
      break;
    case kDhcsr:
      core_.WriteDhcsr(value);
      break;
    case kDcrsr:
      core_.WriteDcrsr(value);
      break;
    case kDcrdr:
      core_.set_dcrdr(value);
      break;
    case kDemcr:
      core_.WriteDemcr(value);
      break;
    default:
      Keep(offset, value);
      break;
  }
}

// VECTRESET resets only a halted core (§B3.2.6).
void SystemControl::WriteAircr(uint32_t value) {
  if (value >> 16 != kAircrKey) return;
  Keep(kAircr, value);
  const bool reset = (value & kSysResetReq) != 0 || ((value & kVectReset) != 0 && core_.halted());
  if (reset && !core_.held()) Reset();
}

}  // namespace probegate::sim
