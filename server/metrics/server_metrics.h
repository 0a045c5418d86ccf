// What the server counts: commands over all probes, and the series of each probe.
//
// A probe's series are created when it first appears, and stay for an hour after it has gone. So one can still see what
// led to its loss, and a probe that returns within the hour continues its counts. After that they are dropped, so that
// probes that never return do not use up the server's memory.
//
// Threads: any; nothing blocks.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/metrics/probe_metrics.h"
#include "telemetry/metrics.h"

namespace probegate {

class ServerMetrics {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::hours kKeptFor{1};

  // `metrics` must outlive this, and this every ProbeMetrics. `now` is the clock that measures how long probes have
  // been gone.
  explicit ServerMetrics(MetricSet& metrics, std::function<Clock::time_point()> now = Clock::now);
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // Returns the series of a probe that is present now: the ones it had, or new ones.
  std::shared_ptr<ProbeMetrics> OnProbeHere(const v1::ProbeDescription& probe);
  // The probe is gone. Its series stay for kKeptFor, and for as long as anyone holds a pointer to them.
  void OnProbeGone(const std::string& unique_id);

  // Drops the series that have been kept for long enough. To be called before the metrics are served.
  void DropExpired();

 private:
  struct Kept {
    std::shared_ptr<ProbeMetrics> metrics;
    std::optional<Clock::time_point> gone_at;  // empty while the probe is present
  };

  void DropExpiredLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  MetricSet& metrics_;
  const std::function<Clock::time_point()> now_;
  const CommandCounters commands_;

  Mutex mutex_;
  std::map<std::string, Kept> probes_ ABSL_GUARDED_BY(mutex_);  // by unique ID
};

}  // namespace probegate
