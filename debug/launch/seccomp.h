// Lets a confined process make only the system calls in debug/launch/system_calls.h (seccomp(2), by means of
// libseccomp). Other calls fail with EPERM or ENOSYS. Calls of another ABI (32-bit, x32) kill the process.
#pragma once

#include "absl/status/status.h"
#include "debug/launch/confinement.h"

namespace probegate {

// UNIMPLEMENTED if this kernel has no seccomp filters, or libseccomp does not know the processor.
absl::Status CanFilterSystemCalls();

// Installs the filter permanently for the calling thread and the threads that it starts. The calling process may send
// signals to itself only, so this must be called in the process that executes the program. PR_SET_NO_NEW_PRIVS must be
// set.
absl::Status FilterSystemCalls(const Confinement& confinement);

}  // namespace probegate
