// The metrics of probegate-broker. docs/metrics.md explains them to users.
#pragma once

#include "telemetry/metrics.h"

namespace probegate::broker::rows {

inline constexpr double kWaitBounds[] = {0.1, 1, 5, 15, 60, 180, 300, 600, 900, 1'800, 3'600, 7'200};

inline constexpr GaugeRow kLeases{"probegate_broker_leases", "Leases that are granted.", {"pool"}};
inline constexpr GaugeRow kWaiting{"probegate_broker_waiting", "Requests in the queue.", {"pool"}};
inline constexpr GaugeRow kProbes{
    "probegate_broker_probes",
    "Probes that the broker knows: those that are there and in service, and those in maintenance.",
    {"pool", "state"}};
inline constexpr GaugeRow kServers{"probegate_broker_servers", "Servers that are registered."};
inline constexpr CounterRow kGrants{"probegate_broker_grants_total", "Leases that were granted.", {"pool"}};
inline constexpr HistogramRow kWait{"probegate_broker_wait_seconds",
                                    "Time from a request to its grant, of those that were granted.",
                                    kWaitBounds,
                                    {"pool"}};
inline constexpr CounterRow kEnded{
    "probegate_broker_ended_total", "Leases and requests that ended, by cause.", {"cause"}};
inline constexpr HistogramRow kStored{"probegate_broker_store_seconds", "Time of each transaction of the store.",
                                      kLatencyBounds};
inline constexpr CounterRow kStoreFailures{"probegate_broker_store_failures_total",
                                           "Transactions of the store that failed and were tried again."};

}  // namespace probegate::broker::rows
