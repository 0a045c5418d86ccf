// One example of each kind of malformed UTF-8.
#pragma once

#include <string_view>

namespace probegate {

struct MalformedUtf8 {
  std::string_view what;
  std::string_view bytes;
};

inline constexpr MalformedUtf8 kMalformedUtf8[] = {
    {"overlong NUL in two bytes", "\xC0\x80"},
    {"overlong slash in two bytes", "\xC0\xAF"},
    {"overlong U+007F", "\xC1\xBF"},
    {"overlong NUL in three bytes", "\xE0\x80\x80"},
    {"overlong U+07FF", "\xE0\x9F\xBF"},
    {"overlong NUL in four bytes", "\xF0\x80\x80\x80"},
    {"overlong U+FFFF", "\xF0\x8F\xBF\xBF"},
    {"U+110000, the first beyond the last", "\xF4\x90\x80\x80"},
    {"a lead beyond F4", "\xF5\x80\x80\x80"},
    {"a lead of five bytes", "\xF8\x88\x80\x80\x80"},
    {"FE", "\xFE"},
    {"FF", "\xFF"},
    {"two bytes, cut off", "\xC3"},
    {"three bytes, cut off after the first", "\xE2"},
    {"three bytes, cut off after the second", "\xE2\x82"},
    {"four bytes, cut off after the first", "\xF0"},
    {"four bytes, cut off after the second", "\xF0\x9F"},
    {"four bytes, cut off after the third", "\xF0\x9F\x98"},
    {"the first stray continuation byte", "\x80"},
    {"the last stray continuation byte", "\xBF"},
};

}  // namespace probegate
