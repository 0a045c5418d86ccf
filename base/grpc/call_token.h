// The token with which a program proves to servers who it is (docs/access.md).
#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/credentials.h>

#include "absl/status/statusor.h"

namespace probegate {

// Sends the token in `file` with each call, as `authorization: Bearer TOKEN` (RFC 6750). INVALID_ARGUMENT, with one
// line that names the file and what is wrong, if the file has no token now, or if others may read it
// (base/secret_file.h).
//
// The file is read again for each call, because tokens are replaced while programs run: those of Kubernetes each hour,
// those of CI jobs each few minutes. gRPC does that on a thread of its own. If the file has no token then, the call
// fails with UNAVAILABLE.
absl::StatusOr<std::shared_ptr<grpc::CallCredentials>> LoadCallToken(const std::string& file);

}  // namespace probegate
