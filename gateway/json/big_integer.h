// Integers of any length, as JSON has them (decimal) and as a probe has them (bits): a raw sequence of 136 bits is one
// number.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace probegate {

// The low `bit_count` bits of the number that `digits` (nothing but decimal digits) spells, in ⌈bit_count / 8⌉ bytes,
// least significant first. Takes time in proportion to the digits times the bits.
std::string DecimalToBits(std::string_view digits, size_t bit_count);

// The low `bit_count` bits of `bits` (as above; missing bytes are zero) in decimal, appended to `out`.
void AppendBitsAsDecimal(std::string& out, std::string_view bits, size_t bit_count);

}  // namespace probegate
