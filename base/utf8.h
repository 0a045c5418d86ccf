// UTF-8 as Unicode defines it (Unicode 15, §3.9, D92): no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace probegate {

// How many bytes the character has that `text` begins with, 1 to 4; 0 where it begins with none, or is empty.
size_t CharacterLength(std::string_view text);

}  // namespace probegate
