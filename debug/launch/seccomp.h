// Prevents a confined process from using certain system calls (seccomp(2)).
#pragma once

#include "absl/status/status.h"

namespace probegate {

// UNIMPLEMENTED if this kernel has no seccomp filters, or this program has no filter for the processor.
absl::Status CanFilterSystemCalls();

// Installs the filter permanently for the calling thread and the threads that it starts. `sleepless`: see
// debug/launch/confinement.h.
// PR_SET_NO_NEW_PRIVS must be set.
absl::Status FilterSystemCalls(bool sleepless);

}  // namespace probegate
