// Standard error.
#pragma once

#include <string>

namespace probegate {

// Says what is wrong there: a line after this program's name. Servers' words may be in it, so it is made printable
// (base/printable.h), and where it has several lines, as debugd's last words of a program have, all but the first are
// indented: none of them can pass for this program's.
void Complain(const std::string& message);

}  // namespace probegate
