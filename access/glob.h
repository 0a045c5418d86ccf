// Patterns of the access file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace probegate {

enum class Case : uint8_t { kMatters, kIgnored };  // ignored for ASCII letters only

// Whether `pattern` matches all of `text`. '*' stands for any number of bytes, including none and including '/' and
// '.';
// '?' for one byte. There are no other special characters, and no way to escape these two. Takes a time of at most the
// product of both lengths.
//
// Not fnmatch(3): it ends a text at a NUL byte, and depends on the locale.
bool MatchesGlob(std::string_view pattern, std::string_view text, Case letters = Case::kMatters);

// Whether one of `patterns` does.
bool MatchesOneGlob(const std::vector<std::string>& patterns, std::string_view text, Case letters = Case::kMatters);

}  // namespace probegate
