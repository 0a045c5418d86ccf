// Makes text from outside fit for messages, lists and logs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace probegate {

// `text` as one line of valid UTF-8 of at most `max_bytes`. Control characters, line separators and bidirectional
// controls become spaces, bytes that are not valid UTF-8 become '?', and a text that is too long is cut between
// characters. This is needed because Protobuf strings must be UTF-8, but a probe may return any bytes.
std::string OneLine(std::string_view text, size_t max_bytes = 4096);

}  // namespace probegate
