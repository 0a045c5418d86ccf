#include "sim/cpu/memory_fixups.h"

#include <cstring>

#include "sim/target/memory.h"

namespace probegate::sim {

bool MemoryFixups::Store(uint32_t address, unsigned size, uint32_t value) {
  for (const Bus::Mapping& mapping : bus_.mappings()) {
    const uint32_t offset = address - mapping.base;
    if (mapping.memory == nullptr || offset >= mapping.size) continue;
    mapping.memory->Write(offset, size, value);
    fixups_.push_back({mapping.memory->bytes().data() + offset, size, mapping.memory->Read(offset, size)});
    return true;
  }
  return false;
}

bool MemoryFixups::Substitute(uint32_t address, unsigned size, const uint8_t* bytes) {
  for (const Bus::Mapping& mapping : bus_.mappings()) {
    const uint32_t offset = address - mapping.base;
    if (mapping.memory == nullptr || offset >= mapping.size || mapping.size - offset < size) continue;
    uint8_t* own = mapping.memory->bytes().data() + offset;
    fixups_.push_back({own, size, mapping.memory->Read(offset, size)});
    std::memcpy(own, bytes, size);
    return true;
  }
  return false;
}

void MemoryFixups::Keep(uint32_t address, unsigned size) {
  for (const Bus::Mapping& mapping : bus_.mappings()) {
    const uint32_t offset = address - mapping.base;
    if (mapping.memory == nullptr || offset >= mapping.size || mapping.size - offset < size) continue;
    fixups_.push_back({mapping.memory->bytes().data() + offset, size, mapping.memory->Read(offset, size)});
    return;
  }
}

// In the order of the accesses: of two stores to the same bytes the last one counts.
void MemoryFixups::Apply() {
  for (const Fixup& fixup : fixups_) std::memcpy(fixup.bytes, &fixup.value, fixup.size);
  fixups_.clear();
}

}  // namespace probegate::sim
