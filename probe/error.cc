#include "probe/error.h"

#include <array>
#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace probegate {
namespace {

constexpr char kPayloadUrl[] = "probegate.error";

// The payload never leaves the process, so its bytes are the struct itself.
static_assert(std::is_trivially_copyable_v<ErrorInfo>);

constexpr std::array<ErrorKindRow, 14> kRows = {{
    {ErrorKind::kInvalidArgument, "invalid_argument", absl::StatusCode::kInvalidArgument},
    {ErrorKind::kNotOpen, "not_open", absl::StatusCode::kFailedPrecondition},
    {ErrorKind::kUnsupported, "unsupported", absl::StatusCode::kUnimplemented},
    {ErrorKind::kProbeDisconnected, "probe_disconnected", absl::StatusCode::kUnavailable},
    {ErrorKind::kProbeError, "probe_error", absl::StatusCode::kInternal},
    {ErrorKind::kTransferError, "transfer_error", absl::StatusCode::kAborted},
    {ErrorKind::kTransferTimeout, "transfer_timeout", absl::StatusCode::kDeadlineExceeded},
    {ErrorKind::kTransferFault, "transfer_fault", absl::StatusCode::kAborted},
    {ErrorKind::kBusy, "busy", absl::StatusCode::kResourceExhausted},
    {ErrorKind::kNotFound, "not_found", absl::StatusCode::kNotFound},
    {ErrorKind::kInternal, "internal", absl::StatusCode::kInternal},
    {ErrorKind::kUnauthenticated, "unauthenticated", absl::StatusCode::kUnauthenticated},
    {ErrorKind::kDenied, "denied", absl::StatusCode::kPermissionDenied},
    {ErrorKind::kUnavailable, "unavailable", absl::StatusCode::kUnavailable},
}};

const ErrorKindRow& Row(ErrorKind kind) { return kRows[static_cast<size_t>(kind)]; }

}  // namespace

absl::Span<const ErrorKindRow> ErrorKinds() { return kRows; }

absl::Status MakeError(ErrorKind kind, std::string_view message) { return MakeError(ErrorInfo{.kind = kind}, message); }

absl::Status MakeError(const ErrorInfo& info, std::string_view message) {
  absl::Status status(Row(info.kind).code, absl::string_view(message.data(), message.size()));
  status.SetPayload(kPayloadUrl, absl::Cord(absl::string_view(reinterpret_cast<const char*>(&info), sizeof(info))));
  return status;
}

ErrorInfo GetError(const absl::Status& status) {
  ErrorInfo info;
  if (const auto payload = status.GetPayload(kPayloadUrl)) {
    const std::string bytes(*payload);
    if (bytes.size() == sizeof(info)) std::memcpy(&info, bytes.data(), sizeof(info));
  }
  return info;
}

bool IsError(const absl::Status& status, ErrorKind kind) { return !status.ok() && GetError(status).kind == kind; }

}  // namespace probegate
