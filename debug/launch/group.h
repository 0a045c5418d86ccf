// The control group (cgroups(7)) of a session, for its programs (debug/session_groups.h).
#pragma once

#include <string>

#include "absl/status/status.h"

namespace probegate {

// Moves the calling process to the group whose folder is `path`; what it executes and starts from then on is in it,
// too.
absl::Status EnterGroup(const std::string& path);

}  // namespace probegate
