// Translates the program's errors to gRPC's. No other place does.
#pragma once

#include <string>

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "probegate/v1/error.pb.h"

namespace probegate {

// OK, or the canonical code of `status` with an ErrorDetail in the status details. `probe` is the unique ID of the
// probe that the error is about; empty if it is not about a probe.
grpc::Status ToGrpcStatus(const absl::Status& status, const std::string& probe = {});

// A status with `detail` in its details, and the canonical code of the detail's kind.
grpc::Status ToGrpcStatus(const v1::ErrorDetail& detail);

}  // namespace probegate
