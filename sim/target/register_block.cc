#include "sim/target/register_block.h"

namespace probegate::sim {

void RegisterBlock::Define(std::span<const RegisterRow> rows) {
  for (const RegisterRow& row : rows) {
    for (size_t i = 0; i < row.count; ++i) {
      words_[row.offset / 4 + i] = row.reset;
      writable_[row.offset / 4 + i] = row.writable;
    }
  }
}

void RegisterBlock::Keep(uint32_t offset, uint32_t value) {
  const uint32_t writable = writable_[offset / 4];
  words_[offset / 4] = (words_[offset / 4] & ~writable) | (value & writable);
}

uint32_t RegisterBlock::Read(uint32_t offset, unsigned size) {
  const uint32_t value = ReadWord(offset & ~3u) >> (8 * (offset & 3));
  return size == 4 ? value : value & ((1u << (8 * size)) - 1);
}

void RegisterBlock::Write(uint32_t offset, unsigned size, uint32_t value) {
  if (size == 4) {
    WriteWord(offset, value);
    return;
  }
  const unsigned shift = 8 * (offset & 3);
  const uint32_t lanes = ((1u << (8 * size)) - 1) << shift;
  WriteWord(offset & ~3u, (OtherLanes(offset & ~3u) & ~lanes) | (value << shift & lanes));
}

}  // namespace probegate::sim
