// All programs of the project serve gRPC with this class: their own services, health (grpc.health.v1) and reflection,
// on one port.
//
// Both ends send keepalive pings, even if no call is in progress, so that a peer that vanished without a FIN is noticed
// after 15 s. If another program listens on the port, Start fails; the port is never shared.
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
  // Listens. `add` adds services, interceptors and limits to the builder; these must outlive the listener. If listening
  // fails, the error is one line with the system's reason.
  static absl::StatusOr<std::unique_ptr<GrpcListener>> Start(const Endpoint& listen,
                                                             const std::function<void(grpc::ServerBuilder&)>& add);

  // Shuts down at once, without waiting for calls.
  ~GrpcListener();
  GrpcListener(const GrpcListener&) = delete;
  GrpcListener& operator=(const GrpcListener&) = delete;

  // The address on which it listens. If port 0 was requested, the port is the actual one.
  const Endpoint& endpoint() const { return endpoint_; }

  // From now on, health checks are answered with NOT_SERVING.
  void StopServing();

  // Accepts no more calls, waits up to `patience` for those in progress, and cancels the rest. Blocks.
  void Shutdown(std::chrono::milliseconds patience);

 private:
  GrpcListener() = default;

  Endpoint endpoint_;
  std::unique_ptr<grpc::Server> server_;
};

// Turns off the logs that gRPC and Protobuf write to standard error. The programs report what matters to users
// themselves. Protobuf would write a line for each bad message that a client sends, and gRPC's lines are not JSON.
// `keep_grpc` keeps gRPC's log.
void SilenceGrpcLogs(bool keep_grpc);

}  // namespace probegate
