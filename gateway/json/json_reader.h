// Reads JSON in place: it checks a text and says where its values are, and copies nothing.
//
// Written here, and not taken from a library, for what pyOCD's protocol asks and nlohmann/json does not give: integers
// of any length, an id that goes back exactly as it came, escaped lone surrogates (Python takes them, nlohmann/json
// refuses the text), and blocks of a million words without a million objects. Where neither of these is in play it
// accepts what nlohmann/json accepts, and a test and a fuzz target hold it to that.
//
// RFC 8259, and as Python's json module: NaN and Infinity are not numbers, nor is a float beyond the range of a double.
// Strings must be UTF-8. Nesting is bounded.
//
// Threads: any, one at a time per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace probegate {

// A value, checked, and where it stands in the text that it was read from.
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
  // Values may be nested this deep: about what Python's own decoder allows.
  static constexpr int kMaxDepth = 1000;

  // `text` must outlive the reader and the values read.
  explicit JsonReader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  // Reads one value. False where there is none, or it is not well-formed; the reader is of no use then.
  bool ReadValue(JsonValue& value);

  // Steps over white space and then over `c`. False, with nothing but white space stepped over, where that is not next.
  bool Consume(char c);

  // True where nothing but white space is left.
  bool AtEnd();

 private:
  void SkipSpace();
  bool ReadAny(JsonValue::Kind& kind, int depth);
  bool ReadLiteral(std::string_view literal);
  bool ReadNumber(JsonValue::Kind& kind);
  bool ReadString();
  bool ReadEscape();
  bool ReadUtf8();
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
// character.
std::string DecodeJsonString(const JsonValue& value);

}  // namespace probegate
