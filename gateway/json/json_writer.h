// Writes JSON as Python's json.dumps does by default: with ", " and ": " as separators, and only ASCII characters.
//
// Everything is appended to a string; there are no intermediate objects.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "google/protobuf/repeated_field.h"

namespace probegate {

void AppendBool(std::string& out, bool value);

void AppendUnsigned(std::string& out, uint64_t value);

// `text` is UTF-8 that may contain lone surrogates (base/utf8.h, Surrogates::kAllowed). Each byte that is not part of a
// character becomes U+FFFD.
void AppendJsonString(std::string& out, std::string_view text);

// A list of integers.
void AppendWords(std::string& out, const google::protobuf::RepeatedField<uint32_t>& words);
void AppendBytes(std::string& out, std::string_view bytes);
// The same without the brackets: a part of a list.
void AppendWordElements(std::string& out, std::span<const uint32_t> words);
void AppendByteElements(std::string& out, std::string_view bytes);

}  // namespace probegate
