// Text that came from outside, made fit for messages, lists and logs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace probegate {

// `text` as one line of valid UTF-8 of at most `max_bytes`: control characters, line
// separators and what turns text round become spaces, bytes that are no UTF-8
// become '?', and what is too long is cut between characters. Protobuf does not carry a string that is not UTF-8, and
// the strings of a probe may be anything.
std::string OneLine(std::string_view text, size_t max_bytes = 4096);

}  // namespace probegate
