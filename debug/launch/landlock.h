// Landlock's system calls (linux/landlock.h). Each version of Landlock can restrict more. Constants that are missing in
// Debian 12's headers are defined by number.
#pragma once

#include "absl/status/status.h"
#include "debug/launch/confinement.h"

namespace probegate {

// The version of Landlock that this kernel supports; 0 if it does not support Landlock.
int LandlockVersion();

// Restricts which files and, from version 4 on, which TCP ports the calling thread can use. PR_SET_NO_NEW_PRIVS must be
// set.
absl::Status RestrictByLandlock(const Confinement& confinement);

}  // namespace probegate
