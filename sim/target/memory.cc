#include "sim/target/memory.h"

#include <random>

namespace probegate::sim {
namespace {

uint32_t Load(const std::vector<uint8_t>& bytes, uint32_t offset, unsigned size) {
  uint32_t value = 0;
  for (unsigned i = 0; i < size; ++i) value |= static_cast<uint32_t>(bytes[offset + i]) << (8 * i);
  return value;
}

}  // namespace

Ram::Ram(uint32_t size, uint64_t seed) : bytes_(size) {
  std::mt19937_64 noise(seed);
  for (uint32_t offset = 0; offset < size; offset += 4) Write(offset, 4, static_cast<uint32_t>(noise()));
}

uint32_t Ram::Read(uint32_t offset, unsigned size) { return Load(bytes_, offset, size); }

void Ram::Write(uint32_t offset, unsigned size, uint32_t value) {
  for (unsigned i = 0; i < size; ++i) bytes_[offset + i] = static_cast<uint8_t>(value >> (8 * i));
}

uint32_t Flash::Read(uint32_t offset, unsigned size) { return Load(bytes_, offset, size); }

}  // namespace probegate::sim
