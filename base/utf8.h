// UTF-8 as Unicode defines it (Unicode 15, §3.9, D92): no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace probegate {

// Whether a surrogate (U+D800 to U+DFFF) that is encoded in three bytes, as if it were a character, counts as a
// character. In UTF-8 it does not. But text that was decoded from UTF-16 escapes, as in JSON, may contain one without
// its other half.
enum class Surrogates : uint8_t { kMalformed, kAllowed };

// The number of bytes of the character at the beginning of `text`, 1 to 4; 0 if there is no valid one.
size_t CharacterLength(std::string_view text, Surrogates surrogates = Surrogates::kMalformed);

// The code point of `character`, which must be exactly one character that CharacterLength accepts.
char32_t CodePoint(std::string_view character);

// Appends the character `code_point`, at most U+10FFFF. A surrogate is encoded in three bytes, see Surrogates.
void AppendUtf8(std::string& out, char32_t code_point);

}  // namespace probegate
