#include "server/commands/error_detail.h"

#include "base/one_line.h"
#include "probe/error.h"

namespace probegate {
namespace {

// The numbers in the messages are the program's plus one, because 0 means "unspecified" there.
v1::ErrorKind ToWire(ErrorKind kind) { return static_cast<v1::ErrorKind>(static_cast<int>(kind) + 1); }

}  // namespace

v1::ErrorDetail ToErrorDetail(const absl::Status& status, const std::string& probe) {
  const ErrorInfo info = GetError(status);
  const bool ended = status.code() == absl::StatusCode::kCancelled;
  v1::ErrorDetail detail;
  detail.set_kind(ToWire(ended ? ErrorKind::kProbeDisconnected : info.kind));
  detail.set_probe(OneLine(probe));
  detail.set_message(OneLine({status.message().data(), status.message().size()}));
  if (info.fault_address) detail.set_fault_address(*info.fault_address);
  if (info.completed_bytes) detail.set_completed_bytes(*info.completed_bytes);
  return detail;
}

absl::StatusCode CanonicalCode(v1::ErrorKind kind) {
  for (const ErrorKindRow& row : ErrorKinds()) {
    if (ToWire(row.kind) == kind) return row.code;
  }
  return absl::StatusCode::kInternal;
}

}  // namespace probegate
