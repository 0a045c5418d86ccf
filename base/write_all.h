// write(2) for all of a text.
#pragma once

#include <cstddef>
#include <string_view>

namespace probegate {

// Writes all of `text` to `file`, however long that takes, also if another program has made it non-blocking. Returns
// how many bytes were written: less than all only after an error, which errno says. Threads: any.
size_t WriteAll(int file, std::string_view text);

}  // namespace probegate
