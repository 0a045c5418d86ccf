// Intel HEX (Hexadecimal Object File Format Specification, revision A, 1988), record types 00 to 05.
#pragma once

#include <cstdint>
#include <span>

#include "sim/image/image.h"

namespace probegate::sim {

// Whether the first line looks like a record of Intel HEX, even if it has errors.
bool LooksLikeIntelHex(std::span<const uint8_t> contents);

// Lines end with LF, CR LF or CR; empty lines are skipped. Start addresses are accepted but not used. Throws
// ImageError, with the number of the line.
Image ParseIntelHex(std::span<const uint8_t> contents);

}  // namespace probegate::sim
