// The quotas of calls, and the order in which a client's calls get room.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/quota.h"
#include "server/grpc/turn_queue.h"

namespace probegate {

// What the calls of all clients share.
struct CallQuotas {
  Quota& memory;   // in bytes
  Quota& calls;    // unary calls in progress
  Quota& watches;  // WatchProbes calls in progress
};

struct CallLimits {
  explicit CallLimits(const CallQuotas& shared)
      : quotas(shared),
        small_reads(4, shared.memory),
        large_reads(3, shared.memory),
        answers(SIZE_MAX, shared.memory) {}

  // How long a message may take to arrive once the server has begun to read it. The length of a message is not known
  // before it has arrived, so each may become as large as gRPC permits until then.
  static constexpr std::chrono::seconds kSmallPatience{5};
  static constexpr std::chrono::seconds kLargePatience{30};

  CallQuotas quotas;
  // Calls of a client whose message is being read, by whether it may be large, and calls that wait for the memory of a
  // large answer.
  TurnQueue small_reads;
  TurnQueue large_reads;
  TurnQueue answers;
};

}  // namespace probegate
