// The target's memory map: which region an address belongs to. What lies in none is a bus fault.
//
// Accesses are of 1, 2 or 4 bytes, aligned to their size; values are right-justified, whatever lanes a bus would use.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace probegate::sim {

// One stretch of the map. `offset` is from its base and always within it, with the whole access.
class Region {
 public:
  virtual ~Region() = default;
  virtual uint32_t Read(uint32_t offset, unsigned size) = 0;
  virtual void Write(uint32_t offset, unsigned size, uint32_t value) = 0;
};

class HostMemory;

class Bus {
 public:
  struct Mapping {
    uint32_t base;
    uint32_t size;
    Region* region;
    HostMemory* memory;  // the region, where it is memory of the host
  };

  // `region` must outlive the bus. Regions do not overlap; `base` and `size` are multiples of 4 KiB. The map is
  // complete before the core runs for the first time.
  void Map(uint32_t base, uint32_t size, Region& region) { mappings_.push_back({base, size, &region, nullptr}); }
  void Map(uint32_t base, HostMemory& memory);

  std::span<const Mapping> mappings() const { return mappings_; }

  // Nothing, or false, on a bus fault: no region, or an address that is no multiple of `size`.
  std::optional<uint32_t> Read(uint32_t address, unsigned size);
  bool Write(uint32_t address, unsigned size, uint32_t value);

  // The bytes behind an access that the core could make without a call; nullptr where there is no such memory.
  const uint8_t* HostBytes(uint32_t address, uint32_t size) const;
  uint8_t* WritableHostBytes(uint32_t address, uint32_t size) const;

 private:
  const Mapping* Find(uint32_t address, unsigned size) const;

  std::vector<Mapping> mappings_;
};

}  // namespace probegate::sim
