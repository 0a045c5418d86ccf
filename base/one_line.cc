#include "base/one_line.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/utf8.h"

namespace probegate {
namespace {

uint8_t ByteAt(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

// Whether the character would end a line, control a terminal, or change the direction of the text after it (Unicode 15:
// Cc, line and paragraph separators, and the bidirectional controls).
bool IsControl(std::string_view character) {
  struct Range {
    std::string_view first, last;
  };
  static constexpr Range kRanges[] = {
      {"\u200E", "\u200F"}, {"\u2028", "\u2029"}, {"\u202A", "\u202E"}, {"\u2066", "\u2069"}};
  const uint8_t first = ByteAt(character, 0);
  if (first < 0x20 || first == 0x7F) return true;
  if (character.size() == 2) return first == 0xC2 && ByteAt(character, 1) < 0xA0;
  const auto holds = [&](const Range& range) { return character >= range.first && character <= range.last; };
  return std::any_of(std::begin(kRanges), std::end(kRanges), holds);
}

}  // namespace

std::string OneLine(std::string_view text, size_t max_bytes) {
  std::string line;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    const size_t taken = std::max<size_t>(length, 1);
    if (line.size() + taken > max_bytes) break;
    if (length == 0) {
      line += '?';
    } else if (IsControl(text.substr(0, length))) {
      line += ' ';
    } else {
      line.append(text.substr(0, length));
    }
    text.remove_prefix(taken);
  }
  return line;
}

}  // namespace probegate
