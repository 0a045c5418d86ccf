// Files that are there whole or not at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace probegate::sim {

// Puts `bytes` into the file `path`, in place of what was there. Whoever reads the path, whatever ends this process and
// whenever, finds all of the old contents or all of the new; `path` + ".new" may be left behind. Blocks until the disk
// has it. Throws std::system_error; then the old contents are still there. Any thread, but one at a time for a path.
void WriteFileAtomically(const std::string& path, std::span<const uint8_t> bytes);

}  // namespace probegate::sim
