#include "base/utf8.h"

#include <cstdint>

namespace probegate {
namespace {

uint8_t ByteAt(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

// Table 3-7, "Well-Formed UTF-8 Byte Sequences"; third and fourth bytes are 80 to BF in all rows.
struct Row {
  uint8_t lead_first, lead_last, second_first, second_last;
  size_t length;
};
constexpr Row kRows[] = {
    {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

}  // namespace

size_t CharacterLength(std::string_view text) {
  if (text.empty()) return 0;
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

}  // namespace probegate
