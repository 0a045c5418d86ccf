#include "sim/target/bus.h"

namespace probegate::sim {

void Bus::Map(uint32_t base, uint32_t size, Region& region) { mappings_.push_back({base, size, &region}); }

const Bus::Mapping* Bus::Find(uint32_t address, unsigned size) const {
  if (address % size != 0) return nullptr;
  for (const Mapping& mapping : mappings_) {
    if (address - mapping.base < mapping.size) return &mapping;
  }
  return nullptr;
}

std::optional<uint32_t> Bus::Read(uint32_t address, unsigned size) {
  const Mapping* mapping = Find(address, size);
  if (mapping == nullptr) return std::nullopt;
  return mapping->region->Read(address - mapping->base, size);
}

bool Bus::Write(uint32_t address, unsigned size, uint32_t value) {
  const Mapping* mapping = Find(address, size);
  if (mapping == nullptr) return false;
  mapping->region->Write(address - mapping->base, size, value);
  return true;
}

}  // namespace probegate::sim
