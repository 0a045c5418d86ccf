// Fast access to the halfwords of code: keeps the host memory that was executed from last, so that most reads need no
// search through the memory map.
#pragma once

#include <cstdint>
#include <cstring>

#include "sim/target/bus.h"
#include "sim/target/memory.h"

namespace probegate::sim {

class CodeWindow {
 public:
  // `bus` must outlive it, and its memories must not move.
  explicit CodeWindow(const Bus& bus) : bus_(bus) {}

  bool Has(uint32_t pc) const { return pc - base_ < size_; }
  // The halfword at `pc`; Has(pc) must be true.
  uint16_t operator[](uint32_t pc) const {
    uint16_t opcode = 0;
    std::memcpy(&opcode, bytes_ + (pc - base_), sizeof(opcode));
    return opcode;
  }
  // Moves to the memory at `pc` if necessary. Returns the halfword there; zero if there is no memory.
  uint16_t Find(uint32_t pc) {
    if (Has(pc)) return (*this)[pc];
    for (const Bus::Mapping& mapping : bus_.mappings()) {
      if (mapping.memory == nullptr || pc - mapping.base >= mapping.size) continue;
      base_ = mapping.base;
      size_ = mapping.size;
      bytes_ = mapping.memory->bytes().data();
      return (*this)[pc];
    }
    return 0;
  }

 private:
  const Bus& bus_;
  uint32_t base_ = 0;
  uint32_t size_ = 0;
  const uint8_t* bytes_ = nullptr;
};

}  // namespace probegate::sim
