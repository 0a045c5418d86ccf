// ELF executables (System V gABI chapters 4 and 5; ELF for the Arm Architecture, IHI 0044): 32 bits, little-endian.
#pragma once

#include <cstdint>
#include <span>

#include "sim/image/image.h"

namespace probegate::sim {

// Whether the contents begin like an ELF file of any kind.
bool LooksLikeElf(std::span<const uint8_t> contents);

// The bytes of each loadable segment, at its physical address: where a flash programmer puts them, as opposed to where
// the program uses them. Throws ImageError.
Image ParseElf(std::span<const uint8_t> contents);

}  // namespace probegate::sim
