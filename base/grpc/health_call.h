// Asks a gRPC server for its health (grpc.health.v1), over a connection that the caller has made.
#pragma once

#include "absl/status/status.h"
#include "base/file_descriptor.h"
#include "base/socket.h"

namespace probegate {

// OK if the server at the other end of `socket`, which must be non-blocking, answers, whatever it says about its
// health. The error is one line; DEADLINE_EXCEEDED if there is no answer by `deadline`. Blocks for a second longer at
// most. Threads: any.
absl::Status CallGrpcHealth(FileDescriptor socket, Deadline deadline);

}  // namespace probegate
