// How many files, sockets included, the program may have open.
#pragma once

#include <cstddef>

#include "base/quota.h"

namespace probegate {

// Raises the limit on open files to the highest that the system allows (RLIMIT_NOFILE), and returns it. The usual limit
// of 1024 is for programs that use select(2).
size_t RaiseOpenFileLimit();

// As many connections as fit into `open_files` files, if each takes `files_each`: at most `limits`. Some files remain
// for everything else (probes, logs, metrics). The share of a client shrinks by the same factor as the limit for all.
QuotaLimits FitIntoOpenFiles(const QuotaLimits& limits, uint64_t files_each, size_t open_files);

}  // namespace probegate
