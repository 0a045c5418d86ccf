#include "sim/peripherals/peripheral.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kFirstEvent = 0x100;
constexpr uint32_t kEventsEnd = 0x180;
constexpr uint32_t kInten = 0x300;
constexpr uint32_t kIntenset = 0x304;
constexpr uint32_t kIntenclr = 0x308;

bool IsEvent(uint32_t offset) { return offset >= kFirstEvent && offset < kEventsEnd; }

}  // namespace

Peripheral::Peripheral(InterruptLines& lines, unsigned irq, uint32_t events, std::span<const RegisterRow> rows)
    : RegisterBlock(rows), lines_(lines), irq_(irq), events_(events), rows_(rows) {}

void Peripheral::Reset(ResetCause) {
  Define(rows_);
  raised_ = 0;
  enabled_ = 0;
  DriveLine();
}

void Peripheral::Raise(uint32_t offset) {
  raised_ |= EventBit(offset);
  DriveLine();
}

void Peripheral::SetEnabled(uint32_t enabled) {
  enabled_ = enabled & events_;
  DriveLine();
}

uint32_t Peripheral::ReadWord(uint32_t offset) {
  if (offset < kFirstEvent) return 0;
  if (IsEvent(offset)) return raised(offset) ? 1 : 0;
  if (offset >= kInten && offset <= kIntenclr) return enabled_;
  return ReadRegister(offset);
}

void Peripheral::WriteWord(uint32_t offset, uint32_t value) {
  if (offset < kFirstEvent) {
    if ((value & 1) != 0) StartTask(offset);
  } else if (IsEvent(offset)) {
    const uint32_t bit = EventBit(offset) & events_;
    const bool set = (value & 1) != 0;
    raised_ = set ? raised_ | bit : raised_ & ~bit;
    DriveLine();
    if (!set) EventCleared(offset);
  } else if (offset == kInten) {
    SetEnabled(value);
  } else if (offset == kIntenset) {
    SetEnabled(enabled_ | value);
  } else if (offset == kIntenclr) {
    SetEnabled(enabled_ & ~value);
  } else {
    WriteRegister(offset, value);
  }
}

// INTENSET and INTENCLR ignore bits that are written as zero; so do tasks, which read as zero.
uint32_t Peripheral::OtherLanes(uint32_t offset) {
  return offset == kIntenset || offset == kIntenclr ? 0 : ReadWord(offset);
}

}  // namespace probegate::sim
