// A 4 KiB block of memory-mapped registers, described by a table: offset, reset value, and the bits that can be
// written.
//
// Most registers of a debug component only store what is written. The component's own class overrides the behaviour of
// the others. Offsets without a row read as zero and ignore writes.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "sim/target/bus.h"

namespace probegate::sim {

inline constexpr uint32_t kRegisterBlockSize = 0x1000;

struct RegisterRow {
  uint16_t offset;
  uint32_t reset;
  uint32_t writable;
  uint16_t count = 1;  // number of consecutive words with these values
};

class RegisterBlock : public Region {
 public:
  explicit RegisterBlock(std::span<const RegisterRow> rows) { Define(rows); }

  // Accesses smaller than a word read its lanes; smaller writes combine the new lanes with OtherLanes.
  uint32_t Read(uint32_t offset, unsigned size) final;
  void Write(uint32_t offset, unsigned size, uint32_t value) override;

 protected:
  // `offset` is a multiple of four.
  virtual uint32_t ReadWord(uint32_t offset) { return words_[offset / 4]; }
  virtual void WriteWord(uint32_t offset, uint32_t value) { Keep(offset, value); }
  // The word from which a write that is smaller than a word takes the lanes that it does not change.
  virtual uint32_t OtherLanes(uint32_t offset) { return words_[offset / 4]; }

  // Adds rows, and sets their registers to the reset values; may be repeated.
  void Define(std::span<const RegisterRow> rows);

  // The plain register at `offset`: Keep stores the writable bits of `value`, word accesses all bits.
  void Keep(uint32_t offset, uint32_t value);
  uint32_t& word(uint32_t offset) { return words_[offset / 4]; }
  uint32_t word(uint32_t offset) const { return words_[offset / 4]; }

 private:
  std::array<uint32_t, kRegisterBlockSize / 4> words_{};
  std::array<uint32_t, kRegisterBlockSize / 4> writable_{};
};

}  // namespace probegate::sim
