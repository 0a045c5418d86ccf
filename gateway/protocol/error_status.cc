#include "gateway/protocol/error_status.h"

#include <array>

namespace probegate {
namespace {

struct Row {
  v1::ErrorKind kind;
  ReplyStatus status;
};

constexpr auto kRows = std::to_array<Row>({
    {v1::ERROR_KIND_INVALID_ARGUMENT, ReplyStatus::kGeneralError},
    {v1::ERROR_KIND_NOT_OPEN, ReplyStatus::kProbeError},
    // Not kGeneralError: pyOCD's gdbserver sends swo_stop even to probes without SWO, and a general error kills its
    // SWO reader.
    {v1::ERROR_KIND_UNSUPPORTED, ReplyStatus::kProbeError},
    {v1::ERROR_KIND_PROBE_DISCONNECTED, ReplyStatus::kProbeDisconnected},
    {v1::ERROR_KIND_PROBE_ERROR, ReplyStatus::kProbeError},
    {v1::ERROR_KIND_TRANSFER_ERROR, ReplyStatus::kTransferError},
    {v1::ERROR_KIND_TRANSFER_TIMEOUT, ReplyStatus::kTransferTimeout},
    {v1::ERROR_KIND_TRANSFER_FAULT, ReplyStatus::kTransferFault},
    {v1::ERROR_KIND_BUSY, ReplyStatus::kProbeError},
    {v1::ERROR_KIND_NOT_FOUND, ReplyStatus::kGeneralError},
    {v1::ERROR_KIND_INTERNAL, ReplyStatus::kGeneralError},
    {v1::ERROR_KIND_UNAUTHENTICATED, ReplyStatus::kProbeError},
    {v1::ERROR_KIND_DENIED, ReplyStatus::kProbeError},
    {v1::ERROR_KIND_UNAVAILABLE, ReplyStatus::kProbeError},
});

}  // namespace

ReplyStatus StatusOfError(v1::ErrorKind kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) return row.status;
  }
  return ReplyStatus::kGeneralError;
}

}  // namespace probegate
