// What bounds the clients of all ports together, so that none of them can take everything from the others.
#pragma once

#include "base/quota.h"
#include "gateway/client/ended_clients.h"
#include "gateway/client/turns.h"

namespace probegate {

// Threads: any. Must outlive the io_context whose connections use it.
struct ClientBounds {
  struct Limits {
    QuotaLimits connections;
    QuotaLimits memory;  // bytes
  };
  // `metrics` and `log` must outlive this.
  ClientBounds(const Limits& limits, GatewayMetrics& metrics, Log& log)
      : connections("connections", limits.connections), memory("memory", limits.memory), ended(metrics, log) {}

  Quota connections;
  Quota memory;  // what is counted, and how: gateway/client/memory_account.h
  // Refused clients that are told why. The others are only reset, so that refusing costs nothing.
  Quota refusals{"refusals", {.all = 16, .per_client = 4}};
  Turns turns;
  EndedClients ended;
};

}  // namespace probegate
