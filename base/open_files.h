// How many files, sockets included, the program may have open.
#pragma once

#include <cstddef>

namespace probegate {

// Raises the limit on open files to the highest that the system allows (RLIMIT_NOFILE), and returns it. The usual limit
// of 1024 is for programs that use select(2).
size_t RaiseOpenFileLimit();

}  // namespace probegate
