// How a peer is noticed that vanished without a FIN: either end pings every 10 s and gives the other 5 s to answer,
// with or without calls. A server has to permit such pings besides, as base/grpc/listener.cc does.
#pragma once

#include <grpc/grpc.h>

namespace probegate {

// Of a channel or a server, as gRPC has them: the name is one of GRPC_ARG_…
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
