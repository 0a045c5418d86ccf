#include "server/text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>

namespace probegate {
namespace {

uint8_t ByteAt(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

// The length of the UTF-8 character at the start of `text` (Unicode 15, table 3-7), or 0 where there is none.
size_t CharacterLength(std::string_view text) {
  struct Row {
    uint8_t lead_first, lead_last, second_first, second_last;
    size_t length;
  };
  static constexpr Row kRows[] = {
      {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
      {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
      {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
  };
  const uint8_t lead = ByteAt(text, 0);
  for (const Row& row : kRows) {
    if (lead < row.lead_first || lead > row.lead_last) continue;
    if (row.length == 1) return 1;
    if (text.size() < row.length) return 0;
    if (ByteAt(text, 1) < row.second_first || ByteAt(text, 1) > row.second_last) return 0;
    for (size_t i = 2; i < row.length; ++i) {
      if ((ByteAt(text, i) & 0xC0) != 0x80) return 0;
    }
    return row.length;
  }
  return 0;
}

// What would end a line, drive a terminal, or turn round the text behind it (Unicode 15: Cc, line and paragraph
// separators, and the bidirectional controls).
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

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

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

bool ContainsIgnoringCase(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return Lower(a) == Lower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

}  // namespace probegate
