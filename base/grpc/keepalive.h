// The settings that detect a peer that vanished without a FIN: each end pings every 10 s and gives the other 5 s to
// answer, even if no call is in progress. A server must also permit such pings, as base/grpc/listener.cc does.
#pragma once

#include <grpc/grpc.h>

namespace probegate {

// An argument of a gRPC channel or server. The name is one of the GRPC_ARG_… constants.
struct GrpcArgument {
  const char* name;
  int value;
};

inline constexpr GrpcArgument kKeepaliveArguments[] = {
    {GRPC_ARG_KEEPALIVE_TIME_MS, 10'000},
    {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000},
    {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
    {GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0},
};

}  // namespace probegate
