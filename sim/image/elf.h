// ELF executables (System V gABI chapters 4 and 5; ELF for the Arm Architecture, IHI 0044): 32 bits, little-endian.
#pragma once

#include <cstdint>
#include <span>

#include "sim/image/image.h"

namespace probegate::sim {

// Whether the contents begin as those of an ELF file do, of whatever kind.
bool LooksLikeElf(std::span<const uint8_t> contents);

// The bytes of each loadable segment, at its physical address: where a programmer puts them, not where they are used.
// Throws ImageError.
Image ParseElf(std::span<const uint8_t> contents);

}  // namespace probegate::sim
