// read(2) until the end of a file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace probegate {

// Reads what is left of `file`, but not much more than `max_bytes`: a longer text means that the file is longer than
// that. Nothing after an error, which errno says. Threads: any; blocks while the file does.
std::optional<std::string> ReadAll(int file, size_t max_bytes);

}  // namespace probegate
