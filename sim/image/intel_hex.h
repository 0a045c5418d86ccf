// Intel HEX (Hexadecimal Object File Format Specification, revision A, 1988), record types 00 to 05.
#pragma once

#include <cstdint>
#include <span>

#include "sim/image/image.h"

namespace probegate::sim {

// Whether the first line could be a record of Intel HEX, right or wrong.
bool LooksLikeIntelHex(std::span<const uint8_t> contents);

// Lines end with LF, CR LF or CR; empty ones are left out. Start addresses are taken and not used. Throws ImageError,
// which names the line.
Image ParseIntelHex(std::span<const uint8_t> contents);

}  // namespace probegate::sim
