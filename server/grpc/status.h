// Where the program's errors become gRPC's: the only place.
#pragma once

#include <string>

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "probegate/v1/error.pb.h"

namespace probegate {

// OK, or the canonical code of `status` with an ErrorDetail in the status details. `probe` is the unique id of the
// probe concerned, empty where none is.
grpc::Status ToGrpcStatus(const absl::Status& status, const std::string& probe = {});

// `detail` in the status details, under the canonical code of its kind.
grpc::Status ToGrpcStatus(const v1::ErrorDetail& detail);

}  // namespace probegate
