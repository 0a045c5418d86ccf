// What all clients of probegate-debugd together, and each of them, may have.
#pragma once

#include <cstdint>

#include "base/quota.h"

namespace probegate {

struct DebugQuotaLimits {
  QuotaLimits sessions{.all = 16, .per_client = 8};
  QuotaLimits uploads{.all = 64, .per_client = 16};
  uint64_t memory_bytes = uint64_t{256} << 20;
};

// Threads: any. Must outlive all that takes from it.
struct DebugQuotas {
  explicit DebugQuotas(const DebugQuotaLimits& limits)
      : sessions("sessions", limits.sessions),
        uploads("uploads", limits.uploads),
        memory("memory", {.all = limits.memory_bytes, .per_client = limits.memory_bytes / 4}) {}

  // Debugging sessions, from the client's request until their files have been removed.
  Quota sessions;
  // ELF files that are being uploaded, or that wait for their session.
  Quota uploads;
  // Calls that wait for an answer: GetDebugConfig, and streams that have not sent their config.
  Quota calls{"calls", {.all = 512, .per_client = 128}};
  // Bytes of requests, of input that waits for gdb, and of output that waits for the client.
  Quota memory;
};

}  // namespace probegate
