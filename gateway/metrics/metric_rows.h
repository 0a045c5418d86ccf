// What the gateway counts: a row a metric. docs/metrics.md explains them to who watches a gateway.
#pragma once

#include "telemetry/metrics.h"

namespace probegate::metric_rows {

inline constexpr GaugeRow kServerUp{
    "probegate_gateway_server_up",
    "1 while the gateway follows the server's list of probes, 0 while it cannot; by the "
    "server as --server names it, and the address that this stands for.",
    {"server", "address"}};
inline constexpr CounterRow kServerReconnects{"probegate_gateway_server_reconnects_total",
                                              "Times that a server was found again after it had been lost."};
inline constexpr GaugeRow kPorts{"probegate_gateway_ports", "Probes that are served on a port."};

inline constexpr GaugeRow kConnections{"probegate_gateway_connections", "Clients that are connected."};
inline constexpr CounterRow kConnectionsAccepted{"probegate_gateway_connections_accepted_total",
                                                 "Clients that connected and were welcome."};
inline constexpr CounterRow kConnectionsRefused{
    "probegate_gateway_connections_refused_total",
    "Clients that were turned away because as many as --max-connections were there."};

inline constexpr CounterRow kRequests{
    "probegate_gateway_requests_total",
    "Request lines, by the request that they name and the status that was sent; unanswered where the client was gone.",
    {"request", "status"}};
inline constexpr HistogramRow kRequestSeconds{
    "probegate_gateway_request_seconds",
    "Time from the arrival of a request line until its reply was ready to be sent, or the connection had gone.",
    kLatencyBounds};

inline constexpr CounterRow kLineBytes{
    "probegate_gateway_line_bytes_total", "Bytes that came from clients (in) and went to them (out).", {"direction"}};
inline constexpr CounterRow kBadLines{"probegate_gateway_bad_lines_total",
                                      "Lines from clients that are no request, or too long."};
inline constexpr CounterRow kSessionsLost{"probegate_gateway_sessions_lost_total",
                                          "Sessions that ended, or could not be opened, while a client wanted them."};

}  // namespace probegate::metric_rows
