#include "base/printable.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "base/utf8.h"

namespace probegate {
namespace {

unsigned Byte(char c) { return static_cast<unsigned char>(c); }

// C1 is U+0080 to U+009F.
bool IsControl(std::string_view character) {
  const unsigned first = Byte(character[0]);
  return character.size() == 1 ? first < 0x20 || first == 0x7F : first == 0xC2 && Byte(character[1]) < 0xA0;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    const std::string_view character = text.substr(0, std::max<size_t>(length, 1));
    if (length == 0 || IsControl(character)) {
      // The last byte of a C1 character equals its code point.
      absl::StrAppendFormat(&printable, "\\u%04x", Byte(character.back()));
    } else {
      printable += character;
    }
    text.remove_prefix(character.size());
  }
  return printable;
}

}  // namespace probegate
