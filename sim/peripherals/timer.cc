#include "sim/peripherals/timer.h"

#include <algorithm>

namespace probegate::sim {
namespace {

constexpr uint32_t kInputHz = 16'000'000;  // PCLK16M

constexpr uint32_t kTaskStart = 0x000;
constexpr uint32_t kTaskStop = 0x004;
constexpr uint32_t kTaskCount = 0x008;
constexpr uint32_t kTaskClear = 0x00C;
constexpr uint32_t kTaskShutdown = 0x010;
constexpr uint32_t kTaskCapture = 0x040;
constexpr uint32_t kEventCompare = 0x140;
constexpr uint32_t kMode = 0x504;
constexpr uint32_t kBitmode = 0x508;
constexpr uint32_t kPrescaler = 0x510;
constexpr uint32_t kCc = 0x540;

constexpr uint32_t kModeTimer = 0;
constexpr uint32_t kShortClear = 1u << 0;  // of the first compare; the others follow, as for kShortStop
constexpr uint32_t kShortStop = 1u << 8;
constexpr uint32_t kMaxPrescaler = 9;

constexpr RegisterRow kFour[] = {
    {0x200, 0, 0x0F0F}, {kMode, 0, 3}, {kBitmode, 0, 3}, {kPrescaler, 4, 0xF}, {kCc, 0, 0xFFFFFFFF, 4},
};
constexpr RegisterRow kSix[] = {
    {0x200, 0, 0x3F3F}, {kMode, 0, 3}, {kBitmode, 0, 3}, {kPrescaler, 4, 0xF}, {kCc, 0, 0xFFFFFFFF, 6},
};

uint32_t EventsOf(unsigned compares) { return ((1u << compares) - 1) << ((kEventCompare - 0x100) / 4); }

}  // namespace

Timer::Timer(SimClock& clock, InterruptLines& lines, unsigned irq, unsigned compares)
    : Peripheral(lines, irq, EventsOf(compares),
                 compares == 4 ? std::span<const RegisterRow>(kFour) : std::span<const RegisterRow>(kSix)),
      clock_(clock),
      compares_(compares),
      alarm_(clock, [this] { Compare(counter(alarm_.last_due()), alarm_.last_due()); }) {}

void Timer::Reset(ResetCause cause) {
  Peripheral::Reset(cause);
  running_ = false;
  Rebase(0, clock_.now());
}

void Timer::StartTask(uint32_t offset) {
  Settle();
  const uint32_t value = counter(clock_.now());
  switch (offset) {
    case kTaskStart:
      if (running_) return;
      running_ = true;
      Rebase(value, clock_.now());
      return;
    case kTaskStop:
      running_ = false;
      Rebase(value, clock_.now());
      return;
    case kTaskCount:
      Count();
      return;
    case kTaskShutdown:
      running_ = false;
      Rebase(0, clock_.now());
      return;
    case kTaskClear:
      Rebase(0, clock_.now());
      return;
    default:
      break;
  }
  if (offset < kTaskCapture || offset >= kTaskCapture + 4 * compares_) return;
  word(kCc + offset - kTaskCapture) = value;
  Schedule(clock_.now());
}

void Timer::WriteRegister(uint32_t offset, uint32_t value) {
  Settle();
  // The write may change the rate or the width; what has been counted until now was counted with the old ones.
  const uint32_t count = counter(clock_.now());
  Keep(offset, value);
  if (offset == kMode || offset == kBitmode || offset == kPrescaler) {
    Rebase(count, clock_.now());
  } else {
    Schedule(clock_.now());
  }
}

void Timer::EventCleared(uint32_t) {
  Settle();
  Schedule(clock_.now());
}

bool Timer::counts_clock() const { return running_ && word(kMode) == kModeTimer; }

uint32_t Timer::mask() const {
  constexpr uint32_t kMasks[] = {0xFFFF, 0xFF, 0xFFFFFF, 0xFFFFFFFF};
  return kMasks[word(kBitmode)];
}

uint64_t Timer::cycles_per_tick() const {
  return uint64_t{clock_.hz() / kInputHz} << std::min(word(kPrescaler), kMaxPrescaler);
}

uint32_t Timer::counter(uint64_t cycle) const {
  const uint64_t ticks = counts_clock() ? (cycle - base_cycle_) / cycles_per_tick() : 0;
  return static_cast<uint32_t>(base_value_ + ticks) & mask();
}

void Timer::Rebase(uint32_t value, uint64_t cycle) {
  base_value_ = value & mask();
  base_cycle_ = cycle;
  Schedule(cycle);
}

void Timer::Count() {
  if (!running_ || word(kMode) == kModeTimer) return;
  Rebase(base_value_ + 1, clock_.now());
  Compare(base_value_, clock_.now());
}

void Timer::Compare(uint32_t value, uint64_t cycle) {
  uint32_t shorts = 0;
  for (unsigned i = 0; i < compares_; ++i) {
    if ((word(kCc + 4 * i) & mask()) != value) continue;
    Raise(kEventCompare + 4 * i);
    shorts |= word(kShorts) >> i & (kShortClear | kShortStop);
  }
  if ((shorts & kShortClear) != 0) value = 0;
  if ((shorts & kShortStop) != 0) running_ = false;
  if (shorts != 0) {
    Rebase(value, cycle);
  } else {
    Schedule(cycle);
  }
}

// Whether a match of this compare register would change anything.
bool Timer::matters(unsigned compare) const {
  const uint32_t shorts = (kShortClear | kShortStop) << compare;
  return !raised(kEventCompare + 4 * compare) || (word(kShorts) & shorts) != 0;
}

void Timer::Schedule(uint64_t from) {
  alarm_.Clear();
  if (!counts_clock()) return;
  const uint64_t done = (from - base_cycle_) / cycles_per_tick();
  const uint32_t value = static_cast<uint32_t>(base_value_ + done) & mask();
  uint64_t next = SimClock::kNever;
  for (unsigned i = 0; i < compares_; ++i) {
    if (!matters(i)) continue;
    const uint64_t ticks = uint64_t{(word(kCc + 4 * i) - value - 1) & mask()} + 1;
    next = std::min(next, base_cycle_ + (done + ticks) * cycles_per_tick());
  }
  if (next != SimClock::kNever) alarm_.SetAt(next);
}

void Timer::Settle() {
  while (alarm_.is_set() && alarm_.due() <= clock_.now()) {
    const uint64_t cycle = alarm_.due();
    alarm_.Clear();
    Compare(counter(cycle), cycle);
  }
}

}  // namespace probegate::sim
