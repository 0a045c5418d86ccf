#include "sim/debug/watchpoint_unit.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kAll = 0xFFFFFFFFu;
constexpr uint32_t kCtrl = 0x000;
constexpr uint32_t kCtrlCycleCount = 1u << 0;
constexpr uint32_t kCycleCount = 0x004;
constexpr uint32_t kPcSample = 0x01C;
constexpr uint32_t kComparator0 = 0x020;
constexpr uint32_t kComparatorStep = 0x10;
constexpr uint32_t kMask = 0x4;
constexpr uint32_t kFunction = 0x8;
constexpr uint32_t kMatched = 1u << 24;
constexpr uint32_t kFunctionBits = 0xF;
constexpr uint32_t kMoreThanAddress = 0x180;  // CYCMATCH, DATAVMATCH

// The values of FUNCTION that cause a debug event (§C1.8.17).
constexpr uint32_t kOnInstruction = 4;
constexpr uint32_t kOnRead = 5;
constexpr uint32_t kOnWrite = 6;
constexpr uint32_t kOnAccess = 7;

constexpr RegisterRow kDwt[] = {
    {kCtrl, 0x40000000, 0x007F1FFF},  // four comparators, cycle counter
    {kCycleCount, 0, kAll},
    {0x008, 0, 0xFF, 5},  // CPICNT to FOLDCNT
    {0x020, 0, kAll},
    {0x024, 0, 0x1F},
    {0x028, 0, 0x000FFFBF},  // COMP0, MASK0, FUNCTION0
    {0x030, 0, kAll},
    {0x034, 0, 0x1F},
    {0x038, 0, 0x000FFFBF},
    {0x040, 0, kAll},
    {0x044, 0, 0x1F},
    {0x048, 0, 0x000FFFBF},
    {0x050, 0, kAll},
    {0x054, 0, 0x1F},
    {0x058, 0, 0x000FFFBF},
};
constexpr ComponentId kDwtId = {0xE0, {0x02, 0xB0, 0x3B, 0x00, 0x04}};

constexpr uint32_t ComparatorAt(unsigned comparator) { return kComparator0 + comparator * kComparatorStep; }

bool IsFunction(uint32_t offset) {
  return offset >= kComparator0 && offset < ComparatorAt(WatchpointUnit::kComparators) &&
         offset % kComparatorStep == kFunction;
}

}  // namespace

WatchpointUnit::WatchpointUnit(const SimClock& clock, const DebugState& debug, std::function<uint32_t()> pc_sample)
    : Component(kDwt, kDwtId), clock_(clock), debug_(debug), pc_sample_(std::move(pc_sample)) {}

void WatchpointUnit::PowerUp() {
  Define(kDwt);
  Rebase(0);
  if (changed_) changed_();
}

// Without TRCENA the comparators are off (§C1.6.5).
uint32_t WatchpointUnit::FunctionOf(unsigned comparator) const {
  const uint32_t function = word(ComparatorAt(comparator) + kFunction);
  return debug_.traces() && (function & kMoreThanAddress) == 0 ? function & kFunctionBits : 0;
}

bool WatchpointUnit::watches_data() const {
  for (unsigned i = 0; i < kComparators; ++i) {
    if (FunctionOf(i) >= kOnRead && FunctionOf(i) <= kOnAccess) return true;
  }
  return false;
}

uint64_t WatchpointUnit::marks() const {
  uint64_t marks = 0;
  for (unsigned i = 0; i < kComparators; ++i) {
    if (FunctionOf(i) != kOnInstruction) continue;
    const bool one = word(ComparatorAt(i) + kMask) <= 1;
    marks |= one ? uint64_t{1} << (word(ComparatorAt(i)) / 2 % 64) : ~uint64_t{0};
  }
  return marks;
}

bool WatchpointUnit::MatchData(uint32_t address, unsigned size, bool write) {
  bool event = false;
  for (unsigned i = 0; i < kComparators; ++i) {
    const uint32_t function = FunctionOf(i);
    if (function != kOnAccess && function != (write ? kOnWrite : kOnRead)) continue;
    const uint64_t length = uint64_t{1} << word(ComparatorAt(i) + kMask);
    const uint64_t base = word(ComparatorAt(i)) & ~(length - 1);
    if (address >= base + length || base >= uint64_t{address} + size) continue;
    word(ComparatorAt(i) + kFunction) |= kMatched;
    event = true;
  }
  return event;
}

bool WatchpointUnit::MatchInstruction(uint32_t pc) {
  bool event = false;
  for (unsigned i = 0; i < kComparators; ++i) {
    if (FunctionOf(i) != kOnInstruction) continue;
    const uint64_t length = uint64_t{1} << word(ComparatorAt(i) + kMask);
    if (((pc ^ word(ComparatorAt(i))) & ~(length - 1) & ~uint64_t{1}) != 0) continue;
    word(ComparatorAt(i) + kFunction) |= kMatched;
    event = true;
  }
  return event;
}

bool WatchpointUnit::counts() const { return clocked_ && debug_.traces() && (word(kCtrl) & kCtrlCycleCount) != 0; }

uint32_t WatchpointUnit::CycleCount() const {
  return was_counting_ ? count_ + static_cast<uint32_t>(clock_.now() - since_) : count_;
}

void WatchpointUnit::Rebase(uint32_t count) {
  count_ = count;
  since_ = clock_.now();
  was_counting_ = counts();
}

void WatchpointUnit::SetClocked(bool clocked) {
  const uint32_t count = CycleCount();
  clocked_ = clocked;
  Rebase(count);
}

uint32_t WatchpointUnit::ReadWord(uint32_t offset) {
  if (offset == kCycleCount) return CycleCount();
  if (offset == kPcSample) return pc_sample_();
  const uint32_t value = word(offset);
  if (IsFunction(offset)) word(offset) &= ~kMatched;
  return value;
}

void WatchpointUnit::WriteWord(uint32_t offset, uint32_t value) {
  const uint32_t count = offset == kCycleCount ? value : CycleCount();
  Keep(offset, value);
  Rebase(count);
  if (changed_) changed_();
}

}  // namespace probegate::sim
