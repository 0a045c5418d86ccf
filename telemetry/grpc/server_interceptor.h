// Counts a server's calls where their status passes by, whoever answers them.
//
// gRPC takes each message of a call that is intercepted through its completion queue once more, with which it costs
// some 17 us more. A call of one message each way bears that; a stream of commands does not, so its reactor has the
// call's RpcScope and tells it of the status itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/support/server_interceptor.h>

#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

// For grpc::ServerBuilder's experimental().SetInterceptorCreators. Calls of the methods at the paths
// `counted_elsewhere` ("/package.Service/Method") are left alone. `metrics` must outlive the server.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> MakeServerInterceptors(
    const RpcMetrics& metrics, std::vector<std::string> counted_elsewhere);

}  // namespace probegate
