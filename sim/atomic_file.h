// Replacing a file as a whole or not at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace probegate::sim {

// Replaces the contents of the file `path` by `bytes`. A reader of `path` always finds either all of the old contents
// or all of the new, even if this process is killed at any moment; in that case `path` + ".new" may be left over.
// Blocks until the data is on disk. Throws std::system_error, and then the old contents are still there. May be called
// from any thread, but by one at a time for the same path.
void WriteFileAtomically(const std::string& path, std::span<const uint8_t> bytes);

}  // namespace probegate::sim
