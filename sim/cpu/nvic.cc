#include "sim/cpu/nvic.h"

#include <algorithm>
#include <bit>

namespace probegate::sim {
namespace {

constexpr uint8_t kPriorityBits = 0xE0;

constexpr uint32_t kIcsr = 0xD04;
constexpr uint32_t kShpr1 = 0xD18;
constexpr uint32_t kShpr3 = 0xD20;
constexpr uint32_t kShcsr = 0xD24;
constexpr uint32_t kStir = 0xF00;
constexpr uint32_t kIser = 0x100;
constexpr uint32_t kIcer = 0x180;
constexpr uint32_t kIspr = 0x200;
constexpr uint32_t kIcpr = 0x280;
constexpr uint32_t kIabr = 0x300;
constexpr uint32_t kIpr = 0x400;
constexpr uint32_t kIprEnd = 0x4F0;
constexpr uint32_t kBank = 0x80;

// The meaning of each bit of SHCSR (§B3.2.13).
enum class Aspect : uint8_t { kActive, kPending, kEnabled };
struct ShcsrRow {
  uint8_t bit;
  Aspect aspect;
  uint8_t exception;
};
constexpr ShcsrRow kShcsrBits[] = {
    {0, Aspect::kActive, kMemManage},  {1, Aspect::kActive, kBusFault},     {3, Aspect::kActive, kUsageFault},
    {7, Aspect::kActive, kSvCall},     {8, Aspect::kActive, kDebugMonitor}, {10, Aspect::kActive, kPendSv},
    {11, Aspect::kActive, kSysTick},   {12, Aspect::kPending, kUsageFault}, {13, Aspect::kPending, kMemManage},
    {14, Aspect::kPending, kBusFault}, {15, Aspect::kPending, kSvCall},     {16, Aspect::kEnabled, kMemManage},
    {17, Aspect::kEnabled, kBusFault}, {18, Aspect::kEnabled, kUsageFault},
};

}  // namespace

void Nvic::Reset() {
  enabled_ = Bit(kNmi) | Bit(kHardFault) | Bit(kSvCall) | Bit(kDebugMonitor) | Bit(kPendSv) | Bit(kSysTick);
  pending_ = lines_ << kFirstInterrupt;
  active_ = 0;
  prigroup_ = 0;
  priority_ = {};
  Changed();
}

void Nvic::Set(unsigned irq, bool level) {
  const uint64_t line = uint64_t{1} << irq;
  if (((lines_ & line) != 0) == level) return;
  lines_ ^= line;
  if (level) Pend(kFirstInterrupt + irq);
}

void Nvic::Pend(unsigned exception) {
  pending_ |= Bit(exception);
  Changed();
}

void Nvic::Unpend(unsigned exception) { pending_ &= ~Bit(exception); }

void Nvic::Activate(unsigned exception) {
  pending_ &= ~Bit(exception);
  active_ |= Bit(exception);
}

void Nvic::Deactivate(unsigned exception) {
  active_ &= ~Bit(exception);
  if (exception >= kFirstInterrupt && (lines_ >> (exception - kFirstInterrupt) & 1) != 0) pending_ |= Bit(exception);
}

int Nvic::RawPriority(unsigned exception) const {
  if (exception == kNmi) return -2;
  if (exception == kHardFault) return -1;
  return priority_[exception];
}

int Nvic::GroupPriority(uint8_t priority) const {
  const unsigned sub_bits = prigroup_ + 1;
  return priority >> sub_bits << sub_bits;
}

int Nvic::GroupPriority(unsigned exception) const {
  const int raw = RawPriority(exception);
  return raw < 0 ? raw : GroupPriority(static_cast<uint8_t>(raw));
}

int Nvic::ActivePriority() const {
  int highest = kNoPriority;
  for (uint64_t rest = active_; rest != 0; rest &= rest - 1) {
    highest = std::min(highest, GroupPriority(static_cast<unsigned>(std::countr_zero(rest))));
  }
  return highest;
}

unsigned Nvic::Foremost(bool interrupts_masked) const {
  uint64_t candidates = pending_ & enabled_;
  if (interrupts_masked) candidates &= Bit(kPendSv) - 1;
  unsigned first = 0;
  int highest = kNoPriority;
  for (; candidates != 0; candidates &= candidates - 1) {
    const auto exception = static_cast<unsigned>(std::countr_zero(candidates));
    if (RawPriority(exception) >= highest) continue;
    highest = RawPriority(exception);
    first = exception;
  }
  return first;
}

void Nvic::SetPriorityGrouping(unsigned prigroup) {
  prigroup_ = prigroup;
  Changed();
}

bool Nvic::HasRegister(uint32_t offset) {
  return (offset >= kIser && offset < kIprEnd) || offset == kIcsr || (offset >= kShpr1 && offset <= kShcsr) ||
         offset == kStir;
}

bool Nvic::HoldsPriorities(uint32_t offset) {
  return (offset >= kIpr && offset < kIprEnd) || (offset >= kShpr1 && offset <= kShcsr);
}

uint32_t Nvic::ReadWord(uint32_t offset, unsigned ipsr) const {
  if (offset == kIcsr) return ReadIcsr(ipsr);
  if (offset == kShcsr) return ReadShcsr();
  if (offset >= kShpr1 && offset <= kShpr3) return ReadPriorities(offset - kShpr1 + kMemManage);
  if (offset >= kIpr) return ReadPriorities(offset - kIpr + kFirstInterrupt);
  const unsigned first = offset % kBank * 8;
  if (first >= kInterrupts) return 0;
  const uint64_t bits = offset < kIspr ? enabled_ : offset < kIabr ? pending_ : active_;
  return static_cast<uint32_t>(bits >> (kFirstInterrupt + first));
}

void Nvic::WriteWord(uint32_t offset, uint32_t value) {
  if (offset == kIcsr) return WriteIcsr(value);
  if (offset == kShcsr) return WriteShcsr(value);
  if (offset == kStir) {
    if ((value & 0x1FF) < kInterrupts) Pend(kFirstInterrupt + (value & 0x1FF));
    return;
  }
  if (offset >= kShpr1 && offset <= kShpr3) return WritePriorities(offset - kShpr1 + kMemManage, value);
  if (offset >= kIpr) return WritePriorities(offset - kIpr + kFirstInterrupt, value);
  const unsigned first = offset % kBank * 8;
  if (first >= kInterrupts) return;
  const uint64_t bits = uint64_t{value} << (kFirstInterrupt + first);
  switch (offset - offset % kBank) {
    case kIser:
      enabled_ |= bits;
      break;
    case kIcer:
      enabled_ &= ~bits;
      break;
    case kIspr:
      pending_ |= bits;
      break;
    case kIcpr:
      pending_ = (pending_ & ~bits) | (lines_ << kFirstInterrupt & ~active_ & bits);
      break;
    default:
      break;
  }
  Changed();
}

uint32_t Nvic::ReadIcsr(unsigned ipsr) const {
  const uint64_t interrupts = ~(Bit(kFirstInterrupt) - 1);
  const bool to_base = (active_ & ~Bit(ipsr)) == 0;
  return ipsr | (to_base ? 1u << 11 : 0) | Foremost(false) << 12 | ((pending_ & interrupts) != 0 ? 1u << 22 : 0) |
         (IsPending(kSysTick) ? 1u << 26 : 0) | (IsPending(kPendSv) ? 1u << 28 : 0) | (IsPending(kNmi) ? 1u << 31 : 0);
}

void Nvic::WriteIcsr(uint32_t value) {
  if ((value & 1u << 25) != 0) Unpend(kSysTick);
  if ((value & 1u << 26) != 0) Pend(kSysTick);
  if ((value & 1u << 27) != 0) Unpend(kPendSv);
  if ((value & 1u << 28) != 0) Pend(kPendSv);
  if ((value & 1u << 31) != 0) Pend(kNmi);
}

uint32_t Nvic::ReadShcsr() const {
  uint32_t value = 0;
  for (const ShcsrRow& row : kShcsrBits) {
    const uint64_t bits = row.aspect == Aspect::kActive    ? active_
                          : row.aspect == Aspect::kPending ? pending_
                                                           : enabled_;
    if ((bits & Bit(row.exception)) != 0) value |= 1u << row.bit;
  }
  return value;
}

void Nvic::WriteShcsr(uint32_t value) {
  for (const ShcsrRow& row : kShcsrBits) {
    uint64_t& bits = row.aspect == Aspect::kActive ? active_ : row.aspect == Aspect::kPending ? pending_ : enabled_;
    bits = (value >> row.bit & 1) != 0 ? bits | Bit(row.exception) : bits & ~Bit(row.exception);
  }
  Changed();
}

uint32_t Nvic::ReadPriorities(unsigned first) const {
  uint32_t value = 0;
  for (unsigned i = 0; i < 4 && first + i < kExceptions; ++i) value |= uint32_t{priority_[first + i]} << (8 * i);
  return value;
}

void Nvic::WritePriorities(unsigned first, uint32_t value) {
  for (unsigned i = 0; i < 4 && first + i < kExceptions; ++i) {
    priority_[first + i] = static_cast<uint8_t>(value >> (8 * i)) & kPriorityBits;
  }
  Changed();
}

}  // namespace probegate::sim
