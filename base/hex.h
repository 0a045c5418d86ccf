// Hexadecimal numbers in texts.
#pragma once

#include <cstdint>
#include <string>

namespace probegate {

// `value` as 0x followed by at least `digits` lower-case hexadecimal digits.
std::string Hex(uint64_t value, int digits = 8);

}  // namespace probegate
