#include "sim/cpu/sys_tick.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kEnable = 1u << 0;
constexpr uint32_t kInterrupt = 1u << 1;
constexpr uint32_t kControlBits = 0x7;
constexpr uint32_t kCountFlag = 1u << 16;

}  // namespace

// The alarm is set for the cycle at which the counter reaches zero. A counter that holds zero loads RVR at the next
// clock.
void SysTick::Thaw() {
  if (!counting()) return;
  if (current_ != 0) {
    alarm_.SetIn(current_);
  } else if (reload_ != 0) {
    alarm_.SetIn(uint64_t{reload_} + 1);
  }
}

void SysTick::Freeze() {
  current_ = ReadCurrent();
  alarm_.Clear();
}

uint32_t SysTick::ReadCurrent() const {
  if (!alarm_.is_set()) return current_;
  const uint64_t left = alarm_.due() > clock_.now() ? alarm_.due() - clock_.now() : 0;
  return left == uint64_t{reload_} + 1 ? 0 : static_cast<uint32_t>(left);
}

// Counts on from the cycle at which the alarm was due, since the current instruction may have taken longer.
void SysTick::Expire() {
  counted_ = true;
  current_ = 0;
  if ((control_ & kInterrupt) != 0) nvic_.Pend(kSysTick);
  if (reload_ != 0) alarm_.SetAt(alarm_.last_due() + reload_ + 1);
}

void SysTick::Reset() {
  alarm_.Clear();
  control_ = reload_ = current_ = 0;
  counted_ = false;
}

void SysTick::SetClocked(bool clocked) {
  if (clocked == clocked_) return;
  Freeze();
  clocked_ = clocked;
  Thaw();
}

uint32_t SysTick::ReadControl() {
  const uint32_t value = control_ | (counted_ ? kCountFlag : 0);
  counted_ = false;
  return value;
}

void SysTick::WriteControl(uint32_t value) {
  if (((control_ ^ value) & kEnable) == 0) {
    control_ = value & kControlBits;
    return;
  }
  Freeze();
  control_ = value & kControlBits;
  Thaw();
}

void SysTick::ClearCurrent() {
  alarm_.Clear();
  current_ = 0;
  counted_ = false;
  Thaw();
}

}  // namespace probegate::sim
