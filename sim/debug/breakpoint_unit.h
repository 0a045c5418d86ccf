// The flash patch and breakpoint unit, version 1 (ARMv7-M ARM §C1.11): six comparators for instructions, two for
// literals.
//
// Breakpoints break, and loads from code are remapped; remapping of instructions (REPLACE 0) only keeps its registers.
// Threads: the chip's rule.
#pragma once

#include <array>
#include <functional>
#include <optional>
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
  // Where a load of the core's from code finds its data, if a literal comparator matches it: in the remap table, a word
  // a comparator, in the SRAM region (§C1.11.4, §C1.11.5). Unaligned loads are not remapped. A debugger's accesses are
  // not the core's.
  bool remaps_literals() const { return literals_[0] || literals_[1]; }
  std::optional<uint32_t> RemapLiteral(uint32_t address, unsigned size) const;

  // Bit (pc / 2) % 64 for each breakpoint: no bit, no breakpoint.
  uint64_t marks() const { return marks_; }

 protected:
  void WriteWord(uint32_t offset, uint32_t value) override;

 private:
  void Collect();

  std::function<void()> changed_;
  std::vector<uint32_t> breakpoints_;
  uint64_t marks_ = 0;
  std::array<std::optional<uint32_t>, kLiteralComparators> literals_;  // the words that are remapped
};

}  // namespace probegate::sim
