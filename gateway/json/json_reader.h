// Reads JSON in place: checks a text and finds its values, without copying them.
//
// It accepts JSON according to RFC 8259, with the choices of Python's json module, which pyOCD's server uses:
//  - Integers may have any length, and an escaped surrogate may stand alone ("\ud800").
//  - Strings must be UTF-8, nesting is bounded, and a float must be within the range of a double.
//  - Unlike in Python, NaN and Infinity are malformed.
// docs/decisions/a-json-reader-of-our-own.md says why this is not left to a library. A test compares it with
// nlohmann/json, which differs in the first point, in the bound, and in taking a byte order mark.
//
// Threads: any, one at a time per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace probegate {

// A value that has been checked, and its place in the text that it was read from.
struct JsonValue {
  enum class Kind : uint8_t { kNull, kBool, kInteger, kFloat, kString, kList, kObject };

  Kind kind = Kind::kNull;
  // From its first character to its last, quotes and brackets included.
  std::string_view text;

  bool is_string() const { return kind == Kind::kString; }
  bool is_list() const { return kind == Kind::kList; }
};

class JsonReader {
 public:
  // How deep values may be nested: about what Python's own decoder allows.
  static constexpr int kMaxDepth = 1000;

  // `text` must outlive the reader and the values read.
  explicit JsonReader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  // Reads one value. False if there is none, or it is malformed; the reader is unusable after that.
  bool ReadValue(JsonValue& value);

  // Steps over white space and then over `c`. False, after the white space, if `c` does not come next.
  bool Consume(char c);

  // True if nothing but white space is left.
  bool AtEnd();

 private:
  void SkipSpace();
  bool ReadAny(JsonValue::Kind& kind, int depth);
  bool ReadLiteral(std::string_view literal);
  bool ReadNumber(JsonValue::Kind& kind);
  bool ReadString();
  bool ReadEscape();
  bool ReadList(int depth);
  bool ReadObject(int depth);

  const char* at_;
  const char* end_;
};

// The elements of a list that a JsonReader has read.
class JsonElements {
 public:
  explicit JsonElements(const JsonValue& list) : reader_(list.text) { reader_.Consume('['); }

  bool Next(JsonValue& element) {
    if (!first_ && !reader_.Consume(',')) return false;
    if (first_ && reader_.Consume(']')) return false;
    first_ = false;
    return reader_.ReadValue(element);
  }

 private:
  JsonReader reader_;
  bool first_ = true;
};

// The characters of a string that a JsonReader has read, in UTF-8. A lone surrogate is encoded as if it were a
// character (base/utf8.h, Surrogates::kAllowed).
std::string DecodeJsonString(const JsonValue& value);

}  // namespace probegate
