// When the certificate of a program that serves gRPC expires, as a metric.
#pragma once

#include "base/grpc/server_tls.h"
#include "telemetry/metrics.h"

namespace probegate {

// Adds probegate_tls_certificate_expiry_timestamp_seconds to `metrics`, for as long as `metrics` lives. `tls` is null
// if the program does not use TLS; otherwise it must outlive every Expose.
void AddTlsMetrics(MetricSet& metrics, const ServerTls* tls);

}  // namespace probegate
