// The target's memory map: which region an address belongs to. What lies in none is a bus fault.
//
// Accesses are of 1, 2 or 4 bytes, aligned to their size; values are right-justified, whatever lanes a bus would use.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace probegate::sim {

// One stretch of the map. `offset` is from its base and always within it, with the whole access.
class Region {
 public:
  virtual ~Region() = default;
  virtual uint32_t Read(uint32_t offset, unsigned size) = 0;
  virtual void Write(uint32_t offset, unsigned size, uint32_t value) = 0;
};

class Bus {
 public:
  // `region` must outlive the bus. Regions do not overlap; `size` is a multiple of four.
  void Map(uint32_t base, uint32_t size, Region& region);

  // Nothing, or false, on a bus fault: no region, or an address that is no multiple of `size`.
  std::optional<uint32_t> Read(uint32_t address, unsigned size);
  bool Write(uint32_t address, unsigned size, uint32_t value);

 private:
  struct Mapping {
    uint32_t base;
    uint32_t size;
    Region* region;
  };
  const Mapping* Find(uint32_t address, unsigned size) const;

  std::vector<Mapping> mappings_;
};

}  // namespace probegate::sim
