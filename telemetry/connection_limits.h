// How many connections a program can have at most.
#pragma once

#include <cstdint>

#include "base/quota.h"
#include "telemetry/log.h"

namespace probegate {

// A gRPC connection takes two files: its socket, and what watches it (base/connection_watch.h).
inline constexpr uint64_t kFilesPerGrpcConnection = 2;

// Raises the limit on open files, and returns as many connections as fit: at most `wanted`. Logs connections.limited if
// they are fewer. To be called once, when the program starts.
QuotaLimits ConnectionLimits(const QuotaLimits& wanted, Log& log, uint64_t files_each = kFilesPerGrpcConnection);

}  // namespace probegate
