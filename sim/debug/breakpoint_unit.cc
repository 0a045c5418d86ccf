#include "sim/debug/breakpoint_unit.h"

#include <algorithm>

namespace probegate::sim {
namespace {

constexpr uint32_t kFpCtrl = 0x000;
constexpr uint32_t kFpCtrlKey = 1u << 1;
constexpr uint32_t kFpCtrlEnable = 1u << 0;
constexpr uint32_t kFpRemap = 0x004;
constexpr uint32_t kRemapTable = 0x3FFFFFE0;
constexpr uint32_t kCodeRegionEnd = 0x20000000;
constexpr uint32_t kComp0 = 0x008;
constexpr uint32_t kCompAddress = 0x1FFFFFFC;
constexpr uint32_t kCompEnable = 1u << 0;
constexpr uint32_t kReplaceLower = 1;  // REPLACE: breakpoint on the lower halfword, the upper one, both
constexpr uint32_t kReplaceUpper = 2;

constexpr RegisterRow kFpb[] = {
    {kFpCtrl, 0x260, kFpCtrlEnable},
    {kFpRemap, 0x20000000, 0x1FFFFFE0},
    {kComp0, 0, 0xDFFFFFFD, BreakpointUnit::kCodeComparators + BreakpointUnit::kLiteralComparators},
};
constexpr ComponentId kFpbId = {0xE0, {0x03, 0xB0, 0x2B, 0x00, 0x04}};

}  // namespace

BreakpointUnit::BreakpointUnit() : Component(kFpb, kFpbId) {}

void BreakpointUnit::PowerUp() {
  Define(kFpb);
  Collect();
}

void BreakpointUnit::WriteWord(uint32_t offset, uint32_t value) {
  if (offset == kFpCtrl && (value & kFpCtrlKey) == 0) return;
  Keep(offset, value);
  Collect();
}

void BreakpointUnit::Collect() {
  breakpoints_.clear();
  marks_ = 0;
  for (unsigned i = 0; i < kCodeComparators && (word(kFpCtrl) & kFpCtrlEnable) != 0; ++i) {
    const uint32_t comparator = word(kComp0 + 4 * i);
    if ((comparator & kCompEnable) == 0) continue;
    const uint32_t replace = comparator >> 30;
    if ((replace & kReplaceLower) != 0) breakpoints_.push_back(comparator & kCompAddress);
    if ((replace & kReplaceUpper) != 0) breakpoints_.push_back((comparator & kCompAddress) + 2);
  }
  for (unsigned i = 0; i < kLiteralComparators; ++i) {
    const uint32_t comparator = word(kComp0 + 4 * (kCodeComparators + i));
    const bool enabled = (word(kFpCtrl) & comparator & kCompEnable) != 0;
    literals_[i] = enabled ? std::optional(comparator & kCompAddress) : std::nullopt;
  }
  for (const uint32_t address : breakpoints_) marks_ |= uint64_t{1} << (address / 2 % 64);
  if (changed_) changed_();
}

bool BreakpointUnit::Matches(uint32_t pc) const {
  return std::find(breakpoints_.begin(), breakpoints_.end(), pc) != breakpoints_.end();
}

std::optional<uint32_t> BreakpointUnit::RemapLiteral(uint32_t address, unsigned size) const {
  if (address >= kCodeRegionEnd || size == 0 || address % size != 0) return std::nullopt;
  for (unsigned i = 0; i < kLiteralComparators; ++i) {
    if (literals_[i] != (address & kCompAddress)) continue;
    return (word(kFpRemap) & kRemapTable) + 4 * (kCodeComparators + i) + (address & 3);
  }
  return std::nullopt;
}

}  // namespace probegate::sim
