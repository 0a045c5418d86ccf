// Errors of access/, as the server's (probe/error.h).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "probe/error.h"

namespace probegate {

// `status` is one of AccessControl's: UNAUTHENTICATED, PERMISSION_DENIED or UNAVAILABLE; or OK, which stays OK.
inline absl::Status ToError(const absl::Status& status) {
  if (status.ok()) return status;
  ErrorKind kind = ErrorKind::kUnauthenticated;
  if (absl::IsPermissionDenied(status)) kind = ErrorKind::kDenied;
  if (absl::IsUnavailable(status)) kind = ErrorKind::kUnavailable;
  return MakeError(kind, std::string(status.message()));
}

}  // namespace probegate
