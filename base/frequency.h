// Clock frequencies as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace probegate {

// A frequency from 1 to 4294967295 Hz: a decimal number, then k or M for thousands or millions, then Hz. Both are
// optional, and upper and lower case are the same: "400000", "400k", "1.5M", "2MHz". Fractions of a hertz are dropped.
// Nothing if `text` is not one.
std::optional<uint32_t> ParseFrequency(std::string_view text);

}  // namespace probegate
