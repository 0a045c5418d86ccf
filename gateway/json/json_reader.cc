#include "gateway/json/json_reader.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/utf8.h"

namespace probegate {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four digits after \u.
char32_t CodeUnit(const char* digits) {
  char32_t unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit << 4 | static_cast<char32_t>(HexDigit(digits[i]));
  return unit;
}

// A float too near to zero reads as zero; one too large has no value.
bool IsFinite(const char* begin, const char* end) {
  double value = 0;
  const auto result = std::from_chars(begin, end, value);
  if (result.ec != std::errc::result_out_of_range) return true;
  return std::isfinite(std::strtod(std::string(begin, end).c_str(), nullptr));
}

}  // namespace

void JsonReader::SkipSpace() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n')) ++at_;
}

bool JsonReader::Consume(char c) {
  SkipSpace();
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

bool JsonReader::AtEnd() {
  SkipSpace();
  return at_ == end_;
}

bool JsonReader::ReadValue(JsonValue& value) {
  SkipSpace();
  const char* const begin = at_;
  if (!ReadAny(value.kind, 0)) return false;
  value.text = std::string_view(begin, static_cast<size_t>(at_ - begin));
  return true;
}

bool JsonReader::ReadAny(JsonValue::Kind& kind, int depth) {
  SkipSpace();
  if (at_ == end_ || depth > kMaxDepth) return false;
  switch (*at_) {
    case '{':
      kind = JsonValue::Kind::kObject;
      return ReadObject(depth);
    case '[':
      kind = JsonValue::Kind::kList;
      return ReadList(depth);
    case '"':
      kind = JsonValue::Kind::kString;
      return ReadString();
    case 't':
      kind = JsonValue::Kind::kBool;
      return ReadLiteral("true");
    case 'f':
      kind = JsonValue::Kind::kBool;
      return ReadLiteral("false");
    case 'n':
      kind = JsonValue::Kind::kNull;
      return ReadLiteral("null");
    default:
      return ReadNumber(kind);
  }
}

bool JsonReader::ReadLiteral(std::string_view literal) {
  if (static_cast<size_t>(end_ - at_) < literal.size() || std::memcmp(at_, literal.data(), literal.size()) != 0)
    return false;
  at_ += literal.size();
  return true;
}

bool JsonReader::ReadNumber(JsonValue::Kind& kind) {
  const char* const begin = at_;
  const auto digits = [this] {
    const char* const first = at_;
    while (at_ != end_ && IsDigit(*at_)) ++at_;
    return at_ != first;
  };
  kind = JsonValue::Kind::kInteger;
  if (*at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
  } else if (!digits()) {
    return false;
  }
  if (at_ != end_ && *at_ == '.') {
    kind = JsonValue::Kind::kFloat;
    ++at_;
    if (!digits()) return false;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    kind = JsonValue::Kind::kFloat;
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return false;
  }
  return kind == JsonValue::Kind::kInteger || IsFinite(begin, at_);
}

bool JsonReader::ReadString() {
  ++at_;
  while (at_ != end_) {
    const auto c = static_cast<unsigned char>(*at_);
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c == '\\') {
      if (!ReadEscape()) return false;
    } else if (c >= 0x80) {
      const size_t length = CharacterLength(std::string_view(at_, static_cast<size_t>(end_ - at_)));
      if (length == 0) return false;
      at_ += length;
    } else if (c < 0x20) {
      return false;
    } else {
      ++at_;
    }
  }
  return false;
}

bool JsonReader::ReadEscape() {
  ++at_;
  if (at_ == end_) return false;
  const char c = *at_++;
  if (c != 'u') return c != '\0' && std::strchr("\"\\/bfnrt", c) != nullptr;
  if (end_ - at_ < 4) return false;
  for (int i = 0; i < 4; ++i) {
    if (HexDigit(*at_++) < 0) return false;
  }
  return true;
}

bool JsonReader::ReadList(int depth) {
  ++at_;
  if (Consume(']')) return true;
  JsonValue::Kind kind;
  do {
    if (!ReadAny(kind, depth + 1)) return false;
  } while (Consume(','));
  return Consume(']');
}

bool JsonReader::ReadObject(int depth) {
  ++at_;
  if (Consume('}')) return true;
  JsonValue::Kind kind;
  do {
    SkipSpace();
    if (at_ == end_ || *at_ != '"' || !ReadString()) return false;
    if (!Consume(':') || !ReadAny(kind, depth + 1)) return false;
  } while (Consume(','));
  return Consume('}');
}

std::string DecodeJsonString(const JsonValue& value) {
  std::string out;
  const char* at = value.text.data() + 1;
  const char* const end = value.text.data() + value.text.size() - 1;
  out.reserve(static_cast<size_t>(end - at));
  while (at != end) {
    if (*at != '\\') {
      out += *at++;
      continue;
    }
    const char c = at[1];
    at += 2;
    switch (c) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        char32_t unit = CodeUnit(at);
        at += 4;
        if (unit >= 0xD800 && unit < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
          const char32_t second = CodeUnit(at + 2);
          if (second >= 0xDC00 && second < 0xE000) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
            at += 6;
          }
        }
        AppendUtf8(out, unit);
        break;
      }
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace probegate
