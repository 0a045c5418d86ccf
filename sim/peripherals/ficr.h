// FICR: information that is written into each chip at the factory: its type and its identity (nRF52840 PS v1.1, chapter
// FICR).
//
// The chip is an nRF52840 QIAA, build code D0. Its identity comes from the board's seed. All other words are erased,
// that is all ones.
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
