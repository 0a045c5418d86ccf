// Other people's words, on their way to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace probegate {

// `text`, which is UTF-8 or should be, without what would command a terminal or break out of a line: control characters
// (Unicode's C0, DEL and C1, so newlines too) and bytes that are no UTF-8 are written as \u001b.
std::string Printable(std::string_view text);

}  // namespace probegate
