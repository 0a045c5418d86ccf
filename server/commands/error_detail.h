// The error vocabulary of probe/error.h, as the wire contract says it (proto/probegate/v1/error.proto).
//
// Used wherever the server answers: in responses on a stream, and in the status details of a unary call. Links no gRPC.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "probegate/v1/error.pb.h"

namespace probegate {

// What `status` (not OK) says, about the probe of the unique id `probe` (empty where none is concerned). The message is
// made one line of valid UTF-8. A plain CANCELLED, which is how a session that somebody ended says so, has the kind of
// a lost probe: that is what its user is left with.
v1::ErrorDetail ToErrorDetail(const absl::Status& status, const std::string& probe);

// The canonical code under which errors of `kind` travel; kInternal for a number that is no kind.
absl::StatusCode CanonicalCode(v1::ErrorKind kind);

}  // namespace probegate
