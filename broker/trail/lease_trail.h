// What is recorded about leases: in the log, in metrics and in the audit log (docs/audit.md).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "access/audit_event.h"
#include "access/audit_log.h"
#include "broker/leases/lease_book.h"
#include "broker/leases/parties.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace probegate::broker {

// "released", "expired", …: the reason's name in logs, metrics and the audit log.
std::string ReasonName(v1::EndReason reason);

// Threads: any.
class LeaseTrail final : public LeaseObserver {
 public:
  // `pools` are the names of the pools. `audit` is null if there is no audit log. All must outlive this.
  LeaseTrail(const std::vector<std::string>& pools, Log& log, MetricSet& metrics, AuditLog* audit);

  void OnQueued(const LeaseEvent& event) override;
  void OnGranted(const LeaseEvent& event) override;
  void OnEnded(const LeaseEvent& event) override;
  void OnServer(const std::string& host, size_t probes, bool registered) override;
  void OnMaintenance(const Requester& by, const std::string& probe, const std::string& reason) override;

  // A transaction of the store took this long, or failed.
  void OnStored(std::chrono::nanoseconds took);
  void OnStoreFailed(const absl::Status& why);

  // What there is now.
  void Show(const LeaseBook::State& state) const;

 private:
  struct PoolSeries {
    PoolSeries(MetricSet& metrics, const std::string& pool);
    Gauge leases;
    Gauge waiting;
    Gauge in_service;
    Gauge maintenance;
    Counter grants;
    Histogram wait;
  };

  void Audit(AuditEvent event, const Requester& who);

  Log& log_;
  AuditLog* const audit_;
  std::map<std::string, PoolSeries> pools_;  // by name
  std::vector<Counter> ended_;               // by reason
  const Gauge servers_;
  const Histogram stored_;
  const Counter store_failures_;
  bool store_fails_ = false;  // used by the broker's thread
};

}  // namespace probegate::broker
