// FICR: what the factory has written into a chip: what it is, and what tells it from others (nRF52840 PS v1.1, chapter
// FICR).
//
// An nRF52840 QIAA, build code D0. Its identity comes from the board's seed. What is not told stays erased: all ones.
#pragma once

#include <cstdint>

#include "sim/target/register_block.h"

namespace probegate::sim {

class Ficr : public RegisterBlock {
 public:
  static constexpr uint32_t kBase = 0x10000000;

  explicit Ficr(uint64_t seed);
};

}  // namespace probegate::sim
