#include "base/utf8.h"

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

size_t CharacterLength(std::string_view text, Surrogates surrogates) {
  if (text.empty()) return 0;
  const uint8_t lead = ByteAt(text, 0);
  for (const Row& row : kRows) {
    if (lead < row.lead_first || lead > row.lead_last) continue;
    if (row.length == 1) return 1;
    if (text.size() < row.length) return 0;
    const bool any_second = lead == 0xED && surrogates == Surrogates::kAllowed;
    if (ByteAt(text, 1) < row.second_first || ByteAt(text, 1) > (any_second ? 0xBF : row.second_last)) return 0;
    for (size_t i = 2; i < row.length; ++i) {
      if ((ByteAt(text, i) & 0xC0) != 0x80) return 0;
    }
    return row.length;
  }
  return 0;
}

char32_t CodePoint(std::string_view character) {
  const uint8_t lead = ByteAt(character, 0);
  if (character.size() == 1) return lead;
  // The first byte begins with as many ones as there are bytes, and a zero. After that it has the highest bits. Each
  // other byte has six bits.
  char32_t code_point = lead & (0x7FU >> character.size());
  for (size_t i = 1; i < character.size(); ++i) code_point = code_point << 6 | (ByteAt(character, i) & 0x3FU);
  return code_point;
}

void AppendUtf8(std::string& out, char32_t code_point) {
  const auto append = [&out](char32_t byte) { out += static_cast<char>(byte); };
  const auto append_six_bits = [&](int shift) { append(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    append(code_point);
  } else if (code_point < 0x800) {
    append(0xC0 | code_point >> 6);
    append_six_bits(0);
  } else if (code_point < 0x10000) {
    append(0xE0 | code_point >> 12);
    append_six_bits(6);
    append_six_bits(0);
  } else {
    append(0xF0 | code_point >> 18);
    append_six_bits(12);
    append_six_bits(6);
    append_six_bits(0);
  }
}

}  // namespace probegate
