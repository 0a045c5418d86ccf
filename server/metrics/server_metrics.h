// What the server counts: commands over all probes, and the series of each probe.
//
// A probe's series are made when it comes first and stay for an hour after it has gone, so that what led to its end can
// be read and one that is back by then counts on. After that they go, so that probes that never come back do not fill
// the server.
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

  // `metrics` must outlive this, and this every ProbeMetrics. `now` is the time that passes for probes that are gone.
  explicit ServerMetrics(MetricSet& metrics, std::function<Clock::time_point()> now = Clock::now);
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // The series of a probe that is here now: those it had, or new ones.
  std::shared_ptr<ProbeMetrics> OnProbeHere(const v1::ProbeDescription& probe);
  // It is gone. Its series stay while somebody has them, and for kKeptFor.
  void OnProbeGone(const std::string& unique_id);

  // Drops what was kept for long enough. To be called before the metrics are shown.
  void DropExpired();

 private:
  struct Kept {
    std::shared_ptr<ProbeMetrics> metrics;
    std::optional<Clock::time_point> gone_at;  // nothing while it is here
  };

  void DropExpiredLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  MetricSet& metrics_;
  const std::function<Clock::time_point()> now_;
  const CommandCounters commands_;

  Mutex mutex_;
  std::map<std::string, Kept> probes_ ABSL_GUARDED_BY(mutex_);  // by unique id
};

}  // namespace probegate
