// The errors that all programs use internally. Only the edges of a program use others.
//
// Everything that can fail returns an absl::Status or absl::StatusOr whose payload says, in terms of debug probes, what
// went wrong. Only MakeError and GetError touch that payload. Each edge translates it once: server/grpc/ to a canonical
// gRPC code with ErrorDetail, the gateway to the remote protocol's status numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace probegate {

enum class ErrorKind : uint8_t {
  kInvalidArgument,    // the request is invalid, whatever the probe's state
  kNotOpen,            // the session has not opened, or not connected, the probe
  kUnsupported,        // this probe, or this program, cannot do that
  kProbeDisconnected,  // the probe is gone
  kProbeError,         // the probe refused, or sent an invalid answer
  kTransferError,      // no ACK, a protocol or a parity error on the wire
  kTransferTimeout,    // the target answered WAIT for too long
  kTransferFault,      // the target answered FAULT
  kBusy,               // the server or the probe is busy; the message says with what
  kNotFound,           // no such probe, session or handle
  kInternal,           // a defect of this program, or the system lacks a resource that it needs
  kUnauthenticated,    // the caller has not proved who it is
  kDenied,             // the caller has no right to do that
  kUnavailable,        // the server cannot do that now; the message says why
};

// One row per kind: its name in logs, metrics and on the command line, and its canonical status code.
struct ErrorKindRow {
  ErrorKind kind;
  std::string_view name;
  absl::StatusCode code;
};
absl::Span<const ErrorKindRow> ErrorKinds();

struct ErrorInfo {
  ErrorKind kind = ErrorKind::kInternal;
  std::optional<uint64_t> fault_address;    // the target's address whose access failed
  std::optional<uint64_t> completed_bytes;  // of a block, how many bytes were done before the failure
};

// A status of `kind`, never OK. `message` is for people: what failed, on what, and why.
absl::Status MakeError(ErrorKind kind, std::string_view message);
absl::Status MakeError(const ErrorInfo& info, std::string_view message);

// The information that `status`, which must not be OK, carries. A status that was not made by MakeError has none, and
// is kInternal.
ErrorInfo GetError(const absl::Status& status);

// True when `status` is an error of `kind`.
bool IsError(const absl::Status& status, ErrorKind kind);

}  // namespace probegate
