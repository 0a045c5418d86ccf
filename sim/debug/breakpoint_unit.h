// The flash patch and breakpoint unit, version 1 (ARMv7-M ARM §C1.11): six comparators for instructions, two for
// literals.
//
// Breakpoints and the remapping of loads from code are modelled. The remapping of instructions (REPLACE 0) is not: its
// registers only keep their values.
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

  // As after power-up.
  void PowerUp();

  // `changed` is called when a comparator or the control register has been written.
  void OnChange(std::function<void()> changed) { changed_ = std::move(changed); }

  // Whether there is a breakpoint on the instruction at `pc`.
  bool Matches(uint32_t pc) const;
  // If a literal comparator matches a load from code by the core, returns the address that the load is redirected to:
  // in the remap table, which is in the SRAM region and has a word for each comparator (§C1.11.4, §C1.11.5). Unaligned
  // loads are not remapped, nor are a debugger's accesses.
  bool remaps_literals() const { return literals_[0] || literals_[1]; }
  std::optional<uint32_t> RemapLiteral(uint32_t address, unsigned size) const;

  // Has bit (pc / 2) % 64 set for each breakpoint at `pc`. A clear bit means that there is no such breakpoint.
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
