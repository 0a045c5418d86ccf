// Counts all calls of a server by intercepting their status, whatever code answers them.
//
// gRPC passes each message of an intercepted call through its completion queue once more, which takes about 17 us. That
// does not matter for a call with one message in each direction, but it does for a stream of commands. The reactor of
// such a stream therefore owns the call's RpcScope and reports the status itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/support/server_interceptor.h>

#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

// For grpc::ServerBuilder's experimental().SetInterceptorCreators. Calls of the methods at the paths in
// `counted_elsewhere` ("/package.Service/Method") are not intercepted. `metrics` must outlive the server.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> MakeServerInterceptors(
    const RpcMetrics& metrics, std::vector<std::string> counted_elsewhere);

}  // namespace probegate
