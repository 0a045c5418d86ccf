#include "telemetry/serve_metrics.h"

#include <string>
#include <utility>

namespace probegate {

absl::StatusOr<std::unique_ptr<HttpServer>> ServeMetrics(AcceptLoop& accept_loop, const std::optional<Endpoint>& listen,
                                                         Quota& connections, MetricSet& metrics, HealthPages health,
                                                         Log& log) {
  if (!listen) return nullptr;
  auto http = HttpServer::Start(accept_loop, *listen, connections, metrics, std::move(health));
  if (!http.ok()) return http;
  const std::string address = (*http)->endpoint().ToString();
  log.Write(LogLevel::kInfo, "metrics.listening", "Metrics on http://" + address + "/metrics", {{"address", address}});
  return http;
}

}  // namespace probegate
