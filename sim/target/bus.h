// The target's memory map: which region an address belongs to. An access to no region is a bus fault.
//
// Accesses have 1, 2 or 4 bytes and are aligned to their size. Values are right-justified, regardless of byte lanes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace probegate::sim {

// A range of addresses. `offset` is relative to its base, and the whole access is always within the region.
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
    HostMemory* memory;  // the region, if it is host memory; otherwise null
  };

  // `region` must outlive the bus. Regions must not overlap; `base` and `size` are multiples of 4 KiB. All regions must
  // be mapped before the core runs for the first time.
  void Map(uint32_t base, uint32_t size, Region& region) { mappings_.push_back({base, size, &region, nullptr}); }
  void Map(uint32_t base, HostMemory& memory);

  std::span<const Mapping> mappings() const { return mappings_; }

  // Returns nothing, or false, on a bus fault: there is no region at `address`, or it is not a multiple of `size`.
  std::optional<uint32_t> Read(uint32_t address, unsigned size);
  bool Write(uint32_t address, unsigned size, uint32_t value);

  // The host memory of an access that the core could make without a call; nullptr if there is no such memory, or, for
  // WritableHostBytes, if stores to it have to go through the region.
  const uint8_t* HostBytes(uint32_t address, uint32_t size) const;
  uint8_t* WritableHostBytes(uint32_t address, uint32_t size) const;

 private:
  const Mapping* Find(uint32_t address, unsigned size) const;

  std::vector<Mapping> mappings_;
};

}  // namespace probegate::sim
