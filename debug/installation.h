// What a program that is confined must be able to read of its own installation.
//
// A client makes gdb and the GDB server read whatever they may. So this is the program itself, and in the folder above
// its `bin` only what installations consist of (bin, lib, share, …), not what else may lie there. Symbolic links (pipx,
// update-alternatives) and the first line of a script (#!) are followed, and so is the Python that a virtual
// environment was made from. Nothing is added for what lies in the system's folders, which every program may read.
//
// A folder that is shared with other things is never an installation: a home, ~/.local, /, /opt, /tmp. If a program
// lies directly in one, or in its `bin`, and leads nowhere else, what belongs to it cannot be told.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace probegate {

// What the system's programs, including Python's, must be able to read in order to run.
const std::vector<std::string>& SystemFiles();

// The files and folders that `program`, a path, needs in addition to SystemFiles. FAILED_PRECONDITION, with one line
// that says what to do, if they cannot be told; `may_be_alone`: then only the program itself. Blocks.
absl::StatusOr<std::set<std::string>> InstallationOf(const std::string& program, bool may_be_alone);

}  // namespace probegate
