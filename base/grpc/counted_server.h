// How many calls a grpc::Server has, by gRPC's own count (channelz, gRPC proposal A14).
//
// It includes the calls that gRPC has read and not yet passed to a service, and those above the limit that the client
// was told: gRPC 1.51 applies the limit only when the client has acknowledged it, so that a client that never does can
// begin as many as it likes, and calls that it cancels at once never count.
#pragma once

#include <cstdint>
#include <memory>

#include <grpcpp/grpcpp.h>

namespace probegate {

struct CountedServer {
  std::unique_ptr<grpc::Server> server;  // null if gRPC could not start it
  intptr_t id = 0;                       // channelz's
};

// Starts the server of `builder`. All servers of the program are started with this function. Threads: any.
CountedServer StartCounted(grpc::ServerBuilder& builder);

// How many calls the server with this id has that have not ended; 0 if it has gone. Takes some ten microseconds.
// Threads: any.
int64_t OpenCalls(intptr_t id);

}  // namespace probegate
