// Memory as people read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace probegate {

// The target's bytes, in its order (little-endian), of `values` of `width` bits (8, 16 or 32).
std::string ToBytes(const std::vector<uint32_t>& values, unsigned width);

// 16 bytes a line: the address, the values, and the bytes as characters.
//   20000000:  11223344 00000000 deadbeef 00000001  |D3".............|
std::string FormatHexdump(uint64_t address, const std::vector<uint32_t>& values, unsigned width);

}  // namespace probegate
