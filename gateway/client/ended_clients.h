// Counts and logs the connections that the gateway ended because of what their clients did.
//
// However many there are, at most one line per second is logged, which says how many connections it stands for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "gateway/metrics/gateway_metrics.h"
#include "telemetry/flood_gate.h"
#include "telemetry/log.h"

namespace probegate {

// Threads: any.
class EndedClients {
 public:
  // Both must outlive this.
  EndedClients(GatewayMetrics& metrics, Log& log) : metrics_(metrics), log_(log) {}

  // The connection of the client `peer` (HOST:PORT) on the port of `probe` was ended.
  void Add(std::string_view probe, std::string_view peer, ClientEnd why);

 private:
  GatewayMetrics& metrics_;
  Log& log_;
  Mutex mutex_;
  FloodGate gate_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate
