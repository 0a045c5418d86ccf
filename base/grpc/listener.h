// How every program of the project serves gRPC: its services, health (grpc.health.v1) and reflection, on one port.
//
// Keepalive pings go both ways, with or without calls: a peer that vanished without a FIN is noticed after 15 s. A
// second program on the port fails rather than shares it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "base/endpoint.h"

namespace probegate {

class GrpcListener {
 public:
  // Listens, with what `add` gives the builder: services, interceptors, limits. If the address cannot be had, the error
  // is one line with the system's reason. What is added must outlive the listener.
  static absl::StatusOr<std::unique_ptr<GrpcListener>> Start(const Endpoint& listen,
                                                             const std::function<void(grpc::ServerBuilder&)>& add);

  // Shuts down with no patience.
  ~GrpcListener();
  GrpcListener(const GrpcListener&) = delete;
  GrpcListener& operator=(const GrpcListener&) = delete;

  // Where it listens; the port is the real one if 0 was asked for.
  const Endpoint& endpoint() const { return endpoint_; }

  // Health checks are answered NOT_SERVING from now on.
  void StopServing();

  // Takes no more calls, lets those that are being answered end, and cancels what is left after `patience`. Blocks.
  void Shutdown(std::chrono::milliseconds patience);

 private:
  GrpcListener() = default;

  Endpoint endpoint_;
  std::unique_ptr<grpc::Server> server_;
};

// gRPC and Protobuf have their own logs on standard error; what of them matters to a user, a program says itself.
// Protobuf would write a line for each bad message that a client sends, and gRPC's lines are not JSON. `keep_grpc`
// keeps gRPC's.
void SilenceGrpcLogs(bool keep_grpc);

}  // namespace probegate
