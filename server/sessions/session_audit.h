// What the audit log says of sessions (docs/audit.md).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "access/audit_log.h"
#include "access/policy.h"
#include "access/service/caller.h"
#include "server/catalog/lane_observer.h"
#include "server/lane/session.h"

namespace probegate {

// Threads: any. Nothing blocks. Without an audit log, nothing is written.
class SessionAudit final : public LaneObserver {
 public:
  // `audit` may be null; it must outlive this.
  explicit SessionAudit(AuditLog* audit = nullptr) : audit_(audit) {}

  // kUnavailable while the audit log cannot be written: what is not recorded must not happen.
  absl::Status CanOpen() const;

  void Opened(const Caller& caller, const SessionSnapshot& session, const Policy& policy, const Decision& decision);
  // Also says what the session has written to memory, and how often it took the lock.
  void Ended(const SessionSnapshot& session, const SessionEnd& end);
  // `by` has ended the session of another identity.
  void Kicked(const Caller& by, const SessionSnapshot& session, const std::string& reason);

  // `session`, which holds the lock, is about to be ended, and loses it.
  void LockLost(const SessionSnapshot& session, const SessionEnd& end);

  void OnProbeReset(const SessionSnapshot& by) override;
  void OnLockTaken(const SessionSnapshot& holder) override;
  void OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) override;

 private:
  AuditLog* const audit_;
};

}  // namespace probegate
