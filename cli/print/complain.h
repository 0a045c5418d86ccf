// Messages on standard error.
#pragma once

#include <string>

namespace probegate {

// Prints `message` on standard error, after this program's name. The message may contain a server's text, so it is made
// printable (base/printable.h). If it has several lines, as debugd's report of a program's last output has, all but the
// first are indented, so that none of them looks like a message of this program.
void Complain(const std::string& message);

}  // namespace probegate
