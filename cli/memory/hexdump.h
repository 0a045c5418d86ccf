// Hex dumps of memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace probegate {

// The bytes of `values`, which have `width` bits (8, 16 or 32), in the target's byte order (little-endian).
std::string ToBytes(const std::vector<uint32_t>& values, unsigned width);

// 16 bytes per line: the address, the values, and the bytes as characters.
//   20000000:  11223344 00000000 deadbeef 00000001  |D3".............|
std::string FormatHexdump(uint64_t address, const std::vector<uint32_t>& values, unsigned width);

}  // namespace probegate
