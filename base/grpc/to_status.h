// The status of a call.
#pragma once

#include <string>

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace probegate {

// Abseil's canonical codes have gRPC's numbers.
inline grpc::Status ToStatus(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace probegate
