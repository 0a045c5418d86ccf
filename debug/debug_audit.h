// What the audit log says of debugging sessions (docs/audit.md).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "access/audit_log.h"
#include "access/policy.h"
#include "access/service/caller.h"
#include "debug/session_end.h"

namespace probegate {

// Threads: any. Nothing blocks. Without an audit log, nothing is written.
class DebugAudit {
 public:
  // `audit` may be null; it must outlive this.
  explicit DebugAudit(AuditLog* audit = nullptr) : audit_(audit) {}

  // A session of this number, as the logs have it, on the probe of this unique ID.
  struct Session {
    const Caller& caller;
    uint64_t number;
    std::string probe;
  };

  // UNAVAILABLE while the audit log cannot be written: what is not recorded must not happen.
  absl::Status CanOpen() const { return CheckWritable(audit_); }

  // `decision` is that of `policy`.
  void Opened(const Session& session, const Policy& policy, const Decision& decision) const;
  void Ended(const Session& session, const DebugEnd& end) const;

 private:
  AuditLog* const audit_;
};

}  // namespace probegate
