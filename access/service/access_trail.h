// What is recorded about callers that are turned away, and about changes of the access file: in the log, in metrics and
// in the audit log (docs/audit.md).
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "access/audit_log.h"
#include "access/policy.h"
#include "access/service/access_control.h"
#include "base/mutex.h"
#include "base/peer.h"
#include "telemetry/flood_gate.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace probegate {

// Threads: any. Nothing blocks.
class AccessTrail final : public AccessControl::Observer {
 public:
  // `audit` is null if there is no audit log. All must outlive this.
  AccessTrail(Log& log, MetricSet& metrics, AuditLog* audit);

  // A client can send wrong tokens, and calls that it may not make, as fast as it likes. So at most one of these per
  // second is in the logs, and says for how many it stands; in the audit log, one per second, identity and method.
  void OnUnauthenticated(const Peer& peer, const std::string& method, const absl::Status& why) override;
  void OnDenied(const Caller& caller, const std::string& probe, const Decision& decision,
                const Policy& policy) override;

  // The files of access were read again. The policy is the new one.
  void OnChanged(const Policy& policy);
  // They have changed, and are invalid: nothing changes.
  void OnInvalid(const absl::Status& why);

 private:
  Log& log_;
  AuditLog* const audit_;
  const Counter unauthenticated_;
  const Counter denied_;
  const Gauge invalid_;

  Mutex mutex_;
  FloodGate refused_ ABSL_GUARDED_BY(mutex_);
  FloodGate denials_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, FloodGate> audited_ ABSL_GUARDED_BY(mutex_);  // by identity and method
};

}  // namespace probegate
