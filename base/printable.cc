#include "base/printable.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace probegate {
namespace {

unsigned Byte(char c) { return static_cast<unsigned char>(c); }

// How many bytes the character has that `first` begins, by RFC 3629 §3; 0 where it begins none.
size_t Length(unsigned first) {
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

bool IsContinuation(char c) { return (Byte(c) & 0xC0U) == 0x80; }

// The bytes of the character that `text` begins with, which is not empty; 0 where it begins with none.
size_t FirstCharacter(std::string_view text) {
  const size_t length = Length(Byte(text[0]));
  if (length > text.size()) return 0;
  return std::all_of(text.begin() + 1, text.begin() + std::max<size_t>(length, 1), IsContinuation) ? length : 0;
}

// C1 is U+0080 to U+009F.
bool IsControl(std::string_view character) {
  const unsigned first = Byte(character[0]);
  return character.size() == 1 ? first < 0x20 || first == 0x7F : first == 0xC2 && Byte(character[1]) < 0xA0;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const size_t length = FirstCharacter(text);
    const std::string_view character = text.substr(0, std::max<size_t>(length, 1));
    if (length == 0 || IsControl(character)) {
      // The last byte of a C1 character is its number.
      absl::StrAppendFormat(&printable, "\\u%04x", Byte(character.back()));
    } else {
      printable += character;
    }
    text.remove_prefix(character.size());
  }
  return printable;
}

}  // namespace probegate
