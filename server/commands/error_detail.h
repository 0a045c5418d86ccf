// Translates the errors of probe/error.h to messages (proto/probegate/v1/error.proto).
//
// Used wherever the server answers: in responses on a stream, and in the status details of a unary call. Links no gRPC.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "probegate/v1/error.pb.h"

namespace probegate {

// `status` (not OK) as a message. `probe` is the unique ID of the probe that the error is about; empty if it is not
// about a probe. The text is made one line of valid UTF-8. A CANCELLED status without an error kind means that another
// user ended the session; it is reported as a lost probe, because for its user the effect is the same.
v1::ErrorDetail ToErrorDetail(const absl::Status& status, const std::string& probe);

// The canonical status code for errors of `kind`; kInternal if `kind` is not a valid value.
absl::StatusCode CanonicalCode(v1::ErrorKind kind);

}  // namespace probegate
