// The gateway's upstreams over gRPC: one channel per server, one stream per session.
#pragma once

#include <memory>

#include "base/grpc/client_tls.h"
#include "gateway/fleet/upstream.h"
#include "telemetry/metrics.h"

namespace probegate {

// Each upstream connects when it is first needed. If the connection is lost, it reconnects, with growing pauses. All
// connections are protected by `security`. All calls are counted in `metrics`, which must outlive the upstreams. All
// sessions and watches must be destroyed before the upstreams, whose destructor waits until their callbacks have
// returned.
std::unique_ptr<Upstreams> MakeGrpcUpstreams(MetricSet& metrics, ChannelSecurity security = {});

}  // namespace probegate
