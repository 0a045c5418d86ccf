// Converts integers of any length between JSON's form (decimal digits) and a probe's (bits). In the remote protocol, a
// raw sequence of, for example, 136 bits is one number.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace probegate {

// The low `bit_count` bits of the number written in `digits`, which are only decimal digits. The result has
// ⌈bit_count / 8⌉ bytes, least significant first. Takes time proportional to the digits times the bits.
std::string DecimalToBits(std::string_view digits, size_t bit_count);

// Appends to `out`, in decimal, the low `bit_count` bits of `bits`, whose least significant byte comes first. Missing
// bytes count as zero.
void AppendBitsAsDecimal(std::string& out, std::string_view bits, size_t bit_count);

}  // namespace probegate
