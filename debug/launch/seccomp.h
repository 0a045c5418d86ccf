// The system calls that a confined process goes without (seccomp(2)).
#pragma once

#include "absl/status/status.h"

namespace probegate {

// UNIMPLEMENTED where this kernel, or this build's processor, has no filter.
absl::Status CanFilterSystemCalls();

// For the calling thread and what comes of it, for good. `sleepless`: as in debug/launch/confinement.h.
// PR_SET_NO_NEW_PRIVS must be set.
absl::Status FilterSystemCalls(bool sleepless);

}  // namespace probegate
