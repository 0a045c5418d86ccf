// Starts a program's HTTP server as its options require (config/metrics_options.h).
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "telemetry/http_server.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace probegate {

// Starts the server and logs its address; null if `listen` is nothing. Otherwise like HttpServer::Start.
absl::StatusOr<std::unique_ptr<HttpServer>> ServeMetrics(const std::optional<Endpoint>& listen, MetricSet& metrics,
                                                         HttpServer::Missing missing, Log& log);

}  // namespace probegate
