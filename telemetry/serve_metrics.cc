#include "telemetry/serve_metrics.h"

#include <string>
#include <utility>

namespace probegate {

absl::StatusOr<std::unique_ptr<HttpServer>> ServeMetrics(const std::optional<Endpoint>& listen, MetricSet& metrics,
                                                         HttpServer::Missing missing, Log& log) {
  if (!listen) return nullptr;
  auto http = HttpServer::Start(*listen, metrics, std::move(missing));
  if (!http.ok()) return http;
  const std::string address = (*http)->endpoint().ToString();
  log.Write(LogLevel::kInfo, "metrics.listening", "Metrics on http://" + address + "/metrics", {{"address", address}});
  return http;
}

}  // namespace probegate
