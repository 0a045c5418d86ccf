#include "telemetry/grpc/tls_metrics.h"

#include <chrono>
#include <limits>
#include <memory>

namespace probegate {
namespace {

constexpr GaugeRow kExpiry{
    "probegate_tls_certificate_expiry_timestamp_seconds",
    "When the certificate for new connections expires, in seconds since unix epoch; +Inf without TLS."};

double Expiry(const ServerTls* tls) {
  if (tls == nullptr) return std::numeric_limits<double>::infinity();
  return std::chrono::duration<double>(tls->current().expiry.time_since_epoch()).count();
}

}  // namespace

void AddTlsMetrics(MetricSet& metrics, const ServerTls* tls) {
  metrics.BeforeExpose([tls, expiry = std::make_shared<Gauge>(metrics, kExpiry)] { expiry->Set(Expiry(tls)); });
}

}  // namespace probegate
