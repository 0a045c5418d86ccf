// What an engine leaves in host memory that should not stay there: kept until its instruction has ended, and then put
// right.
//
// For engines that cannot be kept from an access, only be told of it as it begins. Threads: CpuCore's rule.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/target/bus.h"

namespace probegate::sim {

class MemoryFixups {
 public:
  // Must outlive it.
  explicit MemoryFixups(const Bus& bus) : bus_(bus) {}

  // A store that the engine is going to make as it is: the region does with it what it does, and what it makes of it is
  // there after Apply. False where there is no memory.
  bool Store(uint32_t address, unsigned size, uint32_t value);
  // A load that is to find `bytes` instead of what is there. False where there is no memory.
  bool Substitute(uint32_t address, unsigned size, const uint8_t* bytes);

  // A store that is to leave everything as it is.
  void Keep(uint32_t address, unsigned size);

  // The access has been made.
  void Apply();

 private:
  struct Fixup {
    uint8_t* bytes;
    unsigned size;
    uint32_t value;
  };

  const Bus& bus_;
  std::vector<Fixup> fixups_;
};

}  // namespace probegate::sim
