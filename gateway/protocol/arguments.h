// The types of the commands' arguments. A command's handler takes them as parameters, so that its signature is its
// schema:
//
//   Step WriteDp(Call& call, U32<"address"> address, U32<"value"> value);
//
// Each type has a function that reads it from JSON, and a text for the error message if the JSON is something else.
// Bounds are checked while reading, so that nothing is allocated for a value that is refused. Whether a value makes
// sense to a probe is not checked here; the server checks that.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/json/json_reader.h"
#include "google/protobuf/repeated_field.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

using WordList = google::protobuf::RepeatedField<uint32_t>;
using SegmentList = google::protobuf::RepeatedPtrField<v1::SwdSegment>;

struct ByteList {
  std::string bytes;
};

// Hz. pyOCD's users write 1.5e6 in their configurations.
struct Frequency {
  uint32_t hz = 0;
};

// A non-negative integer of at most kMaxSequenceBits bits (base/request_limits.h).
struct BigNumber {
  std::string_view digits = "0";
};

// A memory interface's handle. No number: an integer that is not in the range of handles, so it cannot be valid.
struct Handle {
  std::optional<uint32_t> number;
};

// Reads `value` into `out`. Returns nothing if that worked, otherwise the value that is wrong: `value` itself, or one
// inside it.
std::optional<JsonValue> ReadArgument(const JsonValue& value, uint32_t& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, uint64_t& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, bool& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, Frequency& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, BigNumber& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, Handle& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, WordList& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, ByteList& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, SegmentList& out);
std::optional<JsonValue> ReadArgument(const JsonValue& value, JsonValue& out);

// What ReadArgument accepts, for an error message.
std::string_view Wanted(const uint32_t&);
std::string_view Wanted(const uint64_t&);
std::string_view Wanted(const bool&);
std::string_view Wanted(const Frequency&);
std::string_view Wanted(const BigNumber&);
std::string_view Wanted(const Handle&);
std::string_view Wanted(const WordList&);
std::string_view Wanted(const ByteList&);
std::string_view Wanted(const SegmentList&);
std::string_view Wanted(const JsonValue&);

// "`name` must be `wanted`, got `value`". `value` is JSON text, of which an excerpt is quoted.
std::string ArgumentError(std::string_view name, std::string_view wanted, std::string_view value);

// `text` shortened to fit into an error message. It is never cut in the middle of a character.
std::string Excerpt(std::string_view text);

template <size_t N>
struct ArgumentName {
  constexpr ArgumentName(const char (&name)[N]) { std::copy_n(name, N, text.begin()); }  // NOLINT(*-explicit-*)
  constexpr std::string_view view() const { return {text.data(), N - 1}; }
  std::array<char, N> text{};
};

template <typename T, ArgumentName name>
struct Argument {
  static constexpr std::string_view kName = name.view();
  T value{};
};

template <ArgumentName name>
using U32 = Argument<uint32_t, name>;
template <ArgumentName name>
using U64 = Argument<uint64_t, name>;
template <ArgumentName name>
using Flag = Argument<bool, name>;
template <ArgumentName name>
using Hertz = Argument<Frequency, name>;
template <ArgumentName name>
using Bits = Argument<BigNumber, name>;
template <ArgumentName name>
using MemoryHandle = Argument<Handle, name>;
template <ArgumentName name>
using Words = Argument<WordList, name>;
template <ArgumentName name>
using Bytes = Argument<ByteList, name>;
template <ArgumentName name>
using Segments = Argument<SegmentList, name>;
// Any JSON value. The handler reads it, and has its own error messages.
template <ArgumentName name>
using Anything = Argument<JsonValue, name>;

}  // namespace probegate
