// Numbers as people who debug chips read them.
#pragma once

#include <cstdint>
#include <string>

namespace probegate {

// `value` as 0x and at least `digits` lower-case hexadecimal digits.
std::string Hex(uint64_t value, int digits = 8);

}  // namespace probegate
