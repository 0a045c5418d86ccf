// The flash patch and breakpoint unit, version 1 (ARMv7-M ARM §C1.11): six comparators for instructions, two for
// literals.
//
// Breakpoints break; remapping, of instructions as of literals, only keeps its registers. Threads: the chip's rule.
#pragma once

#include <functional>
#include <vector>

#include "sim/target/components.h"

namespace probegate::sim {

class BreakpointUnit : public Component {
 public:
  static constexpr uint32_t kBase = 0xE0002000;
  static constexpr unsigned kCodeComparators = 6;
  static constexpr unsigned kLiteralComparators = 2;

  BreakpointUnit();

  // Called when the breakpoints have changed.
  void OnChange(std::function<void()> changed) { changed_ = std::move(changed); }

  // Whether the instruction at `pc`, an address of code, has a breakpoint on it.
  bool Matches(uint32_t pc) const;
  // Bit (pc / 2) % 64 for each breakpoint: no bit, no breakpoint.
  uint64_t marks() const { return marks_; }

 protected:
  void WriteWord(uint32_t offset, uint32_t value) override;

 private:
  void Collect();

  std::function<void()> changed_;
  std::vector<uint32_t> breakpoints_;
  uint64_t marks_ = 0;
};

}  // namespace probegate::sim
