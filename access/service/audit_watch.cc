#include "access/service/audit_watch.h"

namespace probegate {

absl::StatusOr<std::unique_ptr<HangupWatch>> WatchAudit(AuditLog* audit, Readiness& readiness) {
  if (audit == nullptr) return nullptr;
  readiness.Require([audit] { return audit->ok(); });
  return HangupWatch::Start([audit] { audit->Reopen(); });
}

}  // namespace probegate
