// The gateway's metrics, one row each. docs/metrics.md explains them to operators.
#pragma once

#include "telemetry/metrics.h"

namespace probegate::metric_rows {

inline constexpr GaugeRow kServerUp{
    "probegate_gateway_server_up",
    "1 while the gateway follows the server's list of probes, 0 while it cannot. server is the name in --server, "
    "address is one of those that the name resolves to.",
    {"server", "address"}};
inline constexpr CounterRow kServerReconnects{"probegate_gateway_server_reconnects_total",
                                              "Times that the gateway reconnected to a server that it had lost."};
inline constexpr GaugeRow kPorts{"probegate_gateway_ports", "Probes that are served on a port."};

inline constexpr GaugeRow kConnections{"probegate_gateway_connections", "Clients that are connected."};
inline constexpr CounterRow kConnectionsAccepted{"probegate_gateway_connections_accepted_total",
                                                 "Clients that connected and were accepted."};
inline constexpr CounterRow kConnectionsRefused{
    "probegate_gateway_connections_refused_total",
    "Clients that were refused because as many were connected as all clients, or this client, may have."};
inline constexpr CounterRow kClientsEnded{
    "probegate_gateway_clients_ended_total",
    "Clients whose connection the gateway ended because of what they sent, or did not send or read.",
    {"reason"}};

inline constexpr CounterRow kRequests{
    "probegate_gateway_requests_total",
    "Request lines, by the request that they name and the status that was sent, or unanswered if the client was gone.",
    {"request", "status"}};
inline constexpr HistogramRow kRequestSeconds{
    "probegate_gateway_request_seconds",
    "Time from the arrival of a request line until its reply was ready to be sent, or the connection was gone.",
    kLatencyBounds};

inline constexpr CounterRow kLineBytes{
    "probegate_gateway_line_bytes_total", "Bytes received from clients (in) and sent to them (out).", {"direction"}};
inline constexpr CounterRow kBadLines{"probegate_gateway_bad_lines_total",
                                      "Lines from clients that are not valid requests, or are too long."};
inline constexpr CounterRow kSessionsLost{"probegate_gateway_sessions_lost_total",
                                          "Sessions that ended, or could not be opened, while a client needed them."};

}  // namespace probegate::metric_rows
