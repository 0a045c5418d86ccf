// What a program does about its audit log while it runs (docs/audit.md).
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "access/audit_log.h"
#include "base/signals.h"
#include "telemetry/readiness.h"

namespace probegate {

// From now on, the program is ready only while `audit` can be written, and SIGHUP opens it again. BlockHangup must have
// been called. `audit` must outlive `readiness` and what is returned; if it is null, this does nothing and returns
// null. Errors: as HangupWatch::Start.
absl::StatusOr<std::unique_ptr<HangupWatch>> WatchAudit(AuditLog* audit, Readiness& readiness);

}  // namespace probegate
