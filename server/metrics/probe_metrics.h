// All time series of one probe (server/metrics/metric_rows.h), created and dropped together.
//
// The probe's driver (through ProbeReports) counts what happens on the wire, its lane counts commands and locks, and
// the registry counts sessions. Gauges are set when the metrics are requested.
//
// Threads: any; nothing blocks for longer than a histogram's lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "probe/observer.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/commands/command_table.h"
#include "server/metrics/probe_stats.h"
#include "server/sharing/session_end.h"
#include "server/sharing/shared_swo.h"
#include "telemetry/metrics.h"
#include "telemetry/scope.h"

namespace probegate {

// The counters of each command, by CommandNumber, then by outcome (server/commands/command_outcome.h).
using CommandCounters = std::vector<std::vector<Counter>>;

class ProbeMetrics {
 public:
  // `metrics` and `commands` must outlive this.
  ProbeMetrics(MetricSet& metrics, const v1::ProbeDescription& probe, const CommandCounters& commands);
  ProbeMetrics(const ProbeMetrics&) = delete;
  ProbeMetrics& operator=(const ProbeMetrics&) = delete;

  const std::string& unique_id() const { return unique_id_; }

  // The counters for commands of `row` (null: the request contains no command).
  const OperationMetrics& command(const CommandRow* row) const { return operations_[CommandNumber(row)]; }

  // How many commands go to the probe together.
  const Histogram& batch_commands() const { return batch_commands_; }

  // The counters live as long as this object.
  SwoCounters swo_counters() const;

  void OnSessionOpened() { sessions_opened_.Add(); }
  void OnSessionEnded(SessionEndCause cause) { sessions_ended_[static_cast<size_t>(cause)].Add(); }

  void OnLockTaken() { locks_taken_.Add(); }
  void OnLockBroken() { locks_broken_.Add(); }
  // The lock is free again: released, taken away, or given back at the session's end.
  void OnLockFree(std::chrono::steady_clock::duration held);

  // As the methods of ProbeObserver.
  void OnPacket(size_t transfers, size_t bytes_out, size_t bytes_in);
  void OnWait() { waits_.Add(); }
  void OnFault() { faults_.Add(); }
  void OnNoAck() { no_acks_.Add(); }
  void OnRetry() { retries_.Add(); }
  void OnDisconnect(DisconnectCause cause) { disconnects_[static_cast<size_t>(cause)].Add(); }

  // Shows the probe's description in probegate_probe_info. If it has changed, the old series is dropped.
  void SetInfo(const v1::ProbeDescription& probe);

  // SetGauges sets the gauges from `now`; AddTotals adds the counters' values to `stats`.
  void SetGauges(const ProbeStats& now);
  void AddTotals(ProbeStats& stats) const;

 private:
  struct Info {
    std::string vendor, product, firmware;
    Gauge gauge;
  };

  MetricSet& metrics_;
  const std::string unique_id_;

  Mutex mutex_;
  std::optional<Info> info_ ABSL_GUARDED_BY(mutex_);

  const Gauge present_;
  const std::vector<Gauge> states_;  // as kStates in probe_metrics.cc
  const Gauge sessions_;
  const Gauge lock_held_;
  const Gauge lock_waiters_;
  const Gauge queue_depth_;

  const Counter sessions_opened_;
  const std::vector<Counter> sessions_ended_;  // by SessionEndCause
  const Counter locks_taken_;
  const Counter locks_broken_;
  const Counter lock_held_seconds_;

  const Counter command_failures_;
  const Histogram command_wait_;
  const Histogram command_wire_;
  const std::vector<OperationMetrics> operations_;  // by CommandNumber

  const Counter packets_;
  const Counter transfers_;
  const Histogram batch_commands_;
  const Counter bytes_out_;
  const Counter bytes_in_;
  const Counter waits_;
  const Counter faults_;
  const Counter no_acks_;
  const Counter retries_;
  const Counter swo_bytes_;
  const Counter swo_dropped_bytes_;
  const std::vector<Counter> swo_faults_;   // as kSwoFaultCauses in probe_metrics.cc
  const std::vector<Counter> disconnects_;  // by DisconnectCause
};

}  // namespace probegate
