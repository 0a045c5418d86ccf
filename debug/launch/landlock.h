// Landlock's system calls (linux/landlock.h). Kernels learn more with each of its versions; what Debian 12's headers do
// not know yet is given by number here.
#pragma once

#include "absl/status/status.h"
#include "debug/launch/confinement.h"

namespace probegate {

// The version of Landlock that this kernel has, 0 where it has none.
int LandlockVersion();

// Confines the files and, from version 4, the ports of the calling thread. PR_SET_NO_NEW_PRIVS must be set.
absl::Status RestrictByLandlock(const Confinement& confinement);

}  // namespace probegate
