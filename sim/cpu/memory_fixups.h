// Corrections to host memory after an instruction whose accesses the engine makes differently than the target would.
//
// For engines that report an access as it begins but cannot be kept from making it. Threads: CpuCore's rule.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/target/bus.h"

namespace probegate::sim {

class MemoryFixups {
 public:
  // `bus` must outlive it.
  explicit MemoryFixups(const Bus& bus) : bus_(bus) {}

  // A store that the region handles itself, as flash does: the region gets it now, and after Apply memory holds what
  // the region has made of it, not what the engine stores. Returns false if there is no memory at `address`.
  bool Store(uint32_t address, unsigned size, uint32_t value);
  // A load that is to find `bytes` instead of the contents of memory, which Apply restores. Returns false if there is
  // no memory at `address`.
  bool Substitute(uint32_t address, unsigned size, const uint8_t* bytes);

  // A store that must not change memory.
  void Keep(uint32_t address, unsigned size);

  // To be called once the engine has made the access.
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
