#include "gateway/json/json_writer.h"

#include <array>
#include <charconv>

#include "base/utf8.h"

namespace probegate {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void AppendEscape(std::string& out, char32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[unit >> shift & 0xF];
}

// Removes one character from the front of `text`, which is not empty; or one byte, if no valid character begins there.
char32_t TakeCharacter(std::string_view& text) {
  constexpr char32_t kReplacement = 0xFFFD;
  const size_t length = CharacterLength(text, Surrogates::kAllowed);
  const char32_t character = length == 0 ? kReplacement : CodePoint(text.substr(0, length));
  text.remove_prefix(length == 0 ? 1 : length);
  return character;
}

// The elements, with ", " between them. `width` is the maximum number of characters of one element.
template <typename Elements>
void AppendElements(std::string& out, const Elements& elements, size_t width) {
  const size_t start = out.size();
  out.resize(start + static_cast<size_t>(elements.size()) * (width + 2));
  char* at = out.data() + start;
  bool first = true;
  for (const auto element : elements) {
    if (!first) {
      *at++ = ',';
      *at++ = ' ';
    }
    first = false;
    const auto value = static_cast<std::make_unsigned_t<decltype(element)>>(element);
    at = std::to_chars(at, at + width, static_cast<uint32_t>(value)).ptr;
  }
  out.resize(static_cast<size_t>(at - out.data()));
}

constexpr size_t kWordWidth = 10;
constexpr size_t kByteWidth = 3;

}  // namespace

void AppendBool(std::string& out, bool value) { out += value ? "true" : "false"; }

void AppendUnsigned(std::string& out, uint64_t value) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    if (static_cast<unsigned char>(c) >= 0x80) {
      const char32_t character = TakeCharacter(text);
      if (character >= 0x10000) {
        AppendEscape(out, 0xD800 + ((character - 0x10000) >> 10));
        AppendEscape(out, 0xDC00 + ((character - 0x10000) & 0x3FF));
      } else {
        AppendEscape(out, character);
      }
      continue;
    }
    text.remove_prefix(1);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          AppendEscape(out, static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void AppendWords(std::string& out, const google::protobuf::RepeatedField<uint32_t>& words) {
  out += '[';
  AppendElements(out, words, kWordWidth);
  out += ']';
}

void AppendBytes(std::string& out, std::string_view bytes) {
  out += '[';
  AppendElements(out, bytes, kByteWidth);
  out += ']';
}

void AppendWordElements(std::string& out, std::span<const uint32_t> words) { AppendElements(out, words, kWordWidth); }

void AppendByteElements(std::string& out, std::string_view bytes) { AppendElements(out, bytes, kByteWidth); }

}  // namespace probegate
