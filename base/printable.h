// Makes text from outside safe to print on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace probegate {

// `text`, which should be UTF-8, with everything escaped that could control a terminal or end the line: control
// characters (Unicode's C0, DEL and C1, which includes newlines) and bytes that are not valid UTF-8 are written in the
// form \u001b.
std::string Printable(std::string_view text);

}  // namespace probegate
