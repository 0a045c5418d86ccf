// A 4 KiB block of memory-mapped registers, told by a table: offset, value after power-up, bits that a write changes.
//
// Most registers of a debug component do no more than keep what is written. Those that do something are overridden by
// the component's own class. What no row names reads as zero and ignores writes.
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
  uint16_t count = 1;  // consecutive words like this
};

class RegisterBlock : public Region {
 public:
  explicit RegisterBlock(std::span<const RegisterRow> rows) { Define(rows); }

  // Accesses smaller than a word read its lanes, and write them into what the word holds.
  uint32_t Read(uint32_t offset, unsigned size) final;
  void Write(uint32_t offset, unsigned size, uint32_t value) override;

 protected:
  // `offset` is a multiple of four.
  virtual uint32_t ReadWord(uint32_t offset) { return words_[offset / 4]; }
  virtual void WriteWord(uint32_t offset, uint32_t value) { Keep(offset, value); }
  // What the lanes hold that a smaller write leaves alone.
  virtual uint32_t OtherLanes(uint32_t offset) { return words_[offset / 4]; }

  // Adds rows, and gives each of theirs its reset value (again).
  void Define(std::span<const RegisterRow> rows);

  // The plain register behind `offset`.
  void Keep(uint32_t offset, uint32_t value);
  uint32_t& word(uint32_t offset) { return words_[offset / 4]; }
  uint32_t word(uint32_t offset) const { return words_[offset / 4]; }

 private:
  std::array<uint32_t, kRegisterBlockSize / 4> words_{};
  std::array<uint32_t, kRegisterBlockSize / 4> writable_{};
};

}  // namespace probegate::sim
