// Helpers for tests of single peripherals: recorded interrupt lines, word accesses and erased memory.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/cpu/interrupt_lines.h"
#include "sim/target/bus.h"
#include "sim/target/memory.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class RecordedLines : public InterruptLines {
 public:
  void Set(unsigned irq, bool level) override { levels_.at(irq) = level; }
  bool level(unsigned irq) const { return levels_.at(irq); }

 private:
  std::array<bool, 48> levels_{};
};

inline uint32_t ReadWord(Region& region, uint32_t offset) { return region.Read(offset, 4); }
inline void WriteWord(Region& region, uint32_t offset, uint32_t value) { region.Write(offset, 4, value); }

inline std::vector<uint8_t> Erased(size_t size) { return std::vector<uint8_t>(size, 0xFF); }

}  // namespace probegate::sim
