// A probe's statistics, for ProbeDirectory.Stats.
#pragma once

#include <cstddef>
#include <cstdint>

#include "probegate/v1/probe_directory.pb.h"
#include "telemetry/metrics.h"

namespace probegate {

struct ProbeStats {
  v1::ProbeStatus status;

  // The current state.
  size_t queue_depth = 0;  // commands that wait for their turn
  bool lock_held = false;
  size_t lock_waiters = 0;  // sessions whose next command waits for a lock held by another session

  // Totals since the probe first appeared. They start over if the probe was away for more than an hour
  // (server/metrics/server_metrics.h).
  uint64_t commands = 0;
  uint64_t command_failures = 0;  // of them, those whose outcome was not ok
  uint64_t packets = 0;
  uint64_t transfers = 0;
  uint64_t bytes_out = 0;  // to the probe
  uint64_t bytes_in = 0;
  uint64_t wait_acks = 0;
  uint64_t fault_acks = 0;
  uint64_t no_acks = 0;
  uint64_t retries = 0;
  Histogram::Snapshot command_wait;  // seconds that a command waited
  Histogram::Snapshot command_wire;  // seconds from there to its answer
};

}  // namespace probegate
