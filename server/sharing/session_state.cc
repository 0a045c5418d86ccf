#include "server/sharing/session_state.h"

#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate {

absl::Status RequireOpen(const SessionState& session, const ProbeInfo& probe) {
  if (session.open_count > 0) return absl::OkStatus();
  return MakeError(ErrorKind::kNotOpen, absl::StrCat("this session has not opened probe ", probe.unique_id));
}

absl::Status RequireConnected(const SessionState& session, const ProbeInfo& probe) {
  if (absl::Status status = RequireOpen(session, probe); !status.ok()) return status;
  if (session.connect_count > 0) return absl::OkStatus();
  return MakeError(ErrorKind::kNotOpen, absl::StrCat("this session has not connected probe ", probe.unique_id));
}

}  // namespace probegate
