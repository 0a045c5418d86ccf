#include "sim/target/bus.h"

#include "sim/target/memory.h"

namespace probegate::sim {

void Bus::Map(uint32_t base, HostMemory& memory) {
  mappings_.push_back({base, static_cast<uint32_t>(memory.bytes().size()), &memory, &memory});
}

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

const uint8_t* Bus::HostBytes(uint32_t address, uint32_t size) const {
  for (const Mapping& mapping : mappings_) {
    const uint32_t offset = address - mapping.base;
    if (mapping.memory == nullptr || offset >= mapping.size || mapping.size - offset < size) continue;
    return mapping.memory->bytes().data() + offset;
  }
  return nullptr;
}

uint8_t* Bus::WritableHostBytes(uint32_t address, uint32_t size) const {
  for (const Mapping& mapping : mappings_) {
    const uint32_t offset = address - mapping.base;
    if (mapping.memory == nullptr || offset >= mapping.size || mapping.size - offset < size) continue;
    return mapping.memory->takes_stores() ? mapping.memory->bytes().data() + offset : nullptr;
  }
  return nullptr;
}

}  // namespace probegate::sim
