// The one vocabulary of errors below the edges of the programs.
//
// Everything that can fail returns an absl::Status or absl::StatusOr whose payload says, in the field's terms, what
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
  kInvalidArgument,    // the request makes no sense, whatever the probe's state
  kNotOpen,            // the session has not opened or not connected the probe
  kUnsupported,        // this probe, or this program, cannot do that
  kProbeDisconnected,  // the probe is gone
  kProbeError,         // the probe answered, but refused or answered nonsense
  kTransferError,      // no ACK, a protocol or a parity error on the wire
  kTransferTimeout,    // the target answered WAIT for too long
  kTransferFault,      // the target answered FAULT
  kBusy,               // the server or the probe is taken up; the message says by what
  kNotFound,           // no such probe, session or handle
  kInternal,           // a defect of this program, or the system does not give it what it needs
};

// One row a kind: its name in logs, metrics and on the command line, and the canonical status code it travels under.
struct ErrorKindRow {
  ErrorKind kind;
  std::string_view name;
  absl::StatusCode code;
};
absl::Span<const ErrorKindRow> ErrorKinds();

struct ErrorInfo {
  ErrorKind kind = ErrorKind::kInternal;
  std::optional<uint64_t> fault_address;    // the target's address whose access failed
  std::optional<uint64_t> completed_bytes;  // of a block, how many bytes were done before it
};

// A status of `kind`, never OK. `message` is for a person: what failed, on what, and why.
absl::Status MakeError(ErrorKind kind, std::string_view message);
absl::Status MakeError(const ErrorInfo& info, std::string_view message);

// What `status` carries. A status made elsewhere (no payload) is kInternal. `status` must not be OK.
ErrorInfo GetError(const absl::Status& status);

// True when `status` is an error of `kind`.
bool IsError(const absl::Status& status, ErrorKind kind);

}  // namespace probegate
