#include "sim/target/memory.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <random>

namespace probegate::sim {
namespace {

constexpr size_t kPage = 4096;

}  // namespace

void HostMemory::Free::operator()(uint8_t* bytes) const { std::free(bytes); }

HostMemory::HostMemory(uint32_t size) : size_(size), bytes_(static_cast<uint8_t*>(std::aligned_alloc(kPage, size))) {
  if (bytes_ == nullptr) throw std::bad_alloc();
  std::memset(bytes_.get(), 0, size);
}

uint32_t HostMemory::Read(uint32_t offset, unsigned size) {
  uint32_t value = 0;
  for (unsigned i = 0; i < size; ++i) value |= static_cast<uint32_t>(bytes_[offset + i]) << (8 * i);
  return value;
}

void HostMemory::Store(uint32_t offset, unsigned size, uint32_t value) {
  for (unsigned i = 0; i < size; ++i) bytes_[offset + i] = static_cast<uint8_t>(value >> (8 * i));
  Changed(offset, size);
}

HostMemory::Range HostMemory::TakeChanges() { return std::exchange(changes_, Range{}); }

Ram::Ram(uint32_t size, uint64_t seed) : HostMemory(size), seed_(seed) { PowerUp(); }

void Ram::PowerUp() {
  std::mt19937_64 noise(seed_);
  for (uint32_t offset = 0; offset < bytes().size(); offset += 4) Store(offset, 4, static_cast<uint32_t>(noise()));
}

void Ram::Write(uint32_t offset, unsigned size, uint32_t value) { Store(offset, size, value); }

Flash::Flash(std::span<const uint8_t> contents) : HostMemory(static_cast<uint32_t>(contents.size())) {
  std::copy(contents.begin(), contents.end(), bytes().begin());
}

void Flash::Write(uint32_t offset, unsigned size, uint32_t value) {
  if (!writes_allowed_) return;
  Store(offset, size, Read(offset, size) & value);
  if (written_) written_(offset, size);
  if (changed_) changed_(offset, size);
}

void Flash::Erase(uint32_t offset, uint32_t size) {
  std::memset(bytes().data() + offset, 0xFF, size);
  Changed(offset, size);
  if (changed_) changed_(offset, size);
}

}  // namespace probegate::sim
