// Starts a program's HTTP server as its options require (config/metrics_options.h).
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "base/accept_loop.h"
#include "base/endpoint.h"
#include "base/quota.h"
#include "telemetry/http_server.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace probegate {

// The limits of a program's connections for metrics. They are for one request each, and new ones take the place of
// those that send none.
inline constexpr QuotaLimits kMetricsConnections{.all = 256, .per_client = 64};

// Starts the server and logs its address; null if `listen` is nothing. Otherwise like HttpServer::Start.
absl::StatusOr<std::unique_ptr<HttpServer>> ServeMetrics(AcceptLoop& accept_loop, const std::optional<Endpoint>& listen,
                                                         Quota& connections, MetricSet& metrics, HealthPages health,
                                                         Log& log);

}  // namespace probegate
