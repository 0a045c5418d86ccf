#include "gateway/protocol/arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/request_limits.h"
#include "gateway/json/big_integer.h"

namespace probegate {
namespace {

// The digits of the largest number of kMaxSequenceBits bits; the decimal logarithm of 2 is 0.30103.
constexpr size_t kMaxDigits = kMaxSequenceBits * 30103 / 100000 + 1;
static_assert(kMaxDigits == 19729);

// How many elements the list can have, at most: each takes two characters. So much memory is taken at once, because a
// container that grows holds its elements twice for a moment.
size_t MostElements(const JsonValue& list) { return list.text.size() / 2; }

// Python's True and False are the integers 1 and 0.
template <typename T>
bool ReadUnsigned(const JsonValue& value, T& out) {
  if (value.kind == JsonValue::Kind::kBool) {
    out = value.text == "true" ? 1 : 0;
    return true;
  }
  if (value.kind != JsonValue::Kind::kInteger) return false;
  if (value.text == "-0") {
    out = 0;
    return true;
  }
  const char* const end = value.text.data() + value.text.size();
  const auto result = std::from_chars(value.text.data(), end, out);
  return result.ec == std::errc() && result.ptr == end;
}

std::optional<JsonValue> ReadSegment(const JsonValue& value, SegmentList& out, size_t& total_cycles) {
  if (!value.is_list()) return value;
  JsonElements elements(value);
  JsonValue element;
  uint32_t cycles = 0;
  if (!elements.Next(element) || !ReadUnsigned(element, cycles) || cycles < 1 || cycles > kMaxSegmentCycles)
    return value;
  total_cycles += cycles;
  if (total_cycles > kMaxSequenceBits) return value;
  v1::SwdSegment& segment = *out.Add();
  segment.set_cycles(cycles);
  if (!elements.Next(element)) return std::nullopt;
  BigNumber output;
  if (const auto culprit = ReadArgument(element, output)) return culprit;
  segment.set_output(DecimalToBits(output.digits, cycles));
  if (elements.Next(element)) return value;
  return std::nullopt;
}

}  // namespace

std::optional<JsonValue> ReadArgument(const JsonValue& value, uint32_t& out) {
  if (ReadUnsigned(value, out)) return std::nullopt;
  return value;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, uint64_t& out) {
  if (ReadUnsigned(value, out)) return std::nullopt;
  return value;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, bool& out) {
  uint32_t number = 0;
  if (!ReadUnsigned(value, number) || number > 1) return value;
  out = number != 0;
  return std::nullopt;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, Frequency& out) {
  if (value.kind == JsonValue::Kind::kFloat) {
    double hertz = 0;
    std::from_chars(value.text.data(), value.text.data() + value.text.size(), hertz);
    if (hertz < 1 || hertz > std::numeric_limits<uint32_t>::max()) return value;
    out.hz = static_cast<uint32_t>(hertz);
    return std::nullopt;
  }
  if (ReadUnsigned(value, out.hz) && out.hz >= 1) return std::nullopt;
  return value;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, BigNumber& out) {
  if (value.kind == JsonValue::Kind::kBool) {
    out.digits = value.text == "true" ? "1" : "0";
    return std::nullopt;
  }
  if (value.kind != JsonValue::Kind::kInteger || value.text.front() == '-' || value.text.size() > kMaxDigits)
    return value;
  out.digits = value.text;
  return std::nullopt;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, Handle& out) {
  uint32_t number = 0;
  if (ReadUnsigned(value, number)) {
    out.number = number;
  } else if (value.kind != JsonValue::Kind::kInteger) {
    return value;
  }
  return std::nullopt;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, WordList& out) {
  if (!value.is_list()) return value;
  JsonElements elements(value);
  JsonValue element;
  out.Reserve(static_cast<int>(std::min(MostElements(value), kMaxBlockWords)));
  while (elements.Next(element)) {
    uint32_t word = 0;
    if (!ReadUnsigned(element, word) || static_cast<size_t>(out.size()) == kMaxBlockWords) return element;
    out.Add(word);
  }
  return std::nullopt;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, ByteList& out) {
  if (!value.is_list()) return value;
  JsonElements elements(value);
  JsonValue element;
  out.bytes.reserve(std::min(MostElements(value), kMaxBlockBytes));
  while (elements.Next(element)) {
    uint32_t byte = 0;
    if (!ReadUnsigned(element, byte) || byte > 0xFF || out.bytes.size() == kMaxBlockBytes) return element;
    out.bytes += static_cast<char>(byte);
  }
  return std::nullopt;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, SegmentList& out) {
  if (!value.is_list()) return value;
  JsonElements elements(value);
  JsonValue element;
  size_t total_cycles = 0;
  while (elements.Next(element)) {
    if (auto culprit = ReadSegment(element, out, total_cycles)) return culprit;
  }
  return std::nullopt;
}

std::optional<JsonValue> ReadArgument(const JsonValue& value, JsonValue& out) {
  out = value;
  return std::nullopt;
}

std::string_view Wanted(const uint32_t&) { return "an integer from 0 to 4294967295"; }
std::string_view Wanted(const uint64_t&) { return "an integer from 0 to 18446744073709551615"; }
std::string_view Wanted(const bool&) { return "true or false"; }
std::string_view Wanted(const Frequency&) { return "a number of Hz from 1 to 4294967295"; }
std::string_view Wanted(const BigNumber&) {
  static const std::string text = absl::StrCat("an integer from 0 upward of at most ", kMaxSequenceBits, " bits");
  return text;
}
std::string_view Wanted(const Handle&) { return "a handle from get_memory_interface_for_ap"; }
std::string_view Wanted(const WordList&) {
  static const std::string text = absl::StrCat("a list of at most ", kMaxBlockWords, " integers from 0 to 4294967295");
  return text;
}
std::string_view Wanted(const ByteList&) {
  static const std::string text = absl::StrCat("a list of at most ", kMaxBlockBytes, " integers from 0 to 255");
  return text;
}
std::string_view Wanted(const SegmentList&) {
  static const std::string text = absl::StrCat("a list of [cycles] and [cycles, bits], cycles from 1 to ",
                                               kMaxSegmentCycles, " each and at most ", kMaxSequenceBits, " in all");
  return text;
}
std::string_view Wanted(const JsonValue&) { return "a value"; }

std::string ArgumentError(std::string_view name, std::string_view wanted, std::string_view value) {
  std::string text(name);
  return text.append(" must be ").append(wanted).append(", got ").append(Excerpt(value));
}

std::string Excerpt(std::string_view text) {
  constexpr size_t kMaxBytes = 64;
  if (text.size() <= kMaxBytes) return std::string(text);
  size_t length = kMaxBytes;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  return std::string(text.substr(0, length)) + "...";
}

}  // namespace probegate
