// The metrics of gRPC calls, with the names and labels of go-grpc-middleware, for which dashboards and alerts exist:
// https://github.com/grpc-ecosystem/go-grpc-middleware/tree/main/providers/prometheus
#pragma once

#include "telemetry/metrics.h"

namespace probegate {

// The metrics of one side: the server's or the client's.
struct RpcMetricRows {
  CounterRow started;
  CounterRow handled;
  HistogramRow handling;
};

inline constexpr RpcMetricRows kServerRpcRows = {
    .started = {"grpc_server_started_total",
                "Calls that began on the server.",
                {"grpc_type", "grpc_service", "grpc_method"}},
    .handled =
        {"grpc_server_handled_total",
         "Calls that ended on the server, by the status that it sent, or Canceled if the client left before that.",
         {"grpc_type", "grpc_service", "grpc_method", "grpc_code"}},
    .handling = {"grpc_server_handling_seconds",
                 "Time from the beginning of a call on the server to its status.",
                 kLatencyBounds,
                 {"grpc_type", "grpc_service", "grpc_method"}},
};

inline constexpr RpcMetricRows kClientRpcRows = {
    .started = {"grpc_client_started_total",
                "Calls that the client began.",
                {"grpc_type", "grpc_service", "grpc_method"}},
    .handled = {"grpc_client_handled_total",
                "Calls that ended for the client, by the status that it received.",
                {"grpc_type", "grpc_service", "grpc_method", "grpc_code"}},
    .handling = {"grpc_client_handling_seconds",
                 "Time from the beginning of a call at the client to its status.",
                 kLatencyBounds,
                 {"grpc_type", "grpc_service", "grpc_method"}},
};

}  // namespace probegate
