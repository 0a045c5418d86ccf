// The gateway's upstreams over gRPC: a channel a server, a stream a session.
#pragma once

#include <memory>

#include "gateway/fleet/upstream.h"
#include "telemetry/metrics.h"

namespace probegate {

// Each connects when first needed, and again, with growing pauses, when the connection is lost. Counts all calls in
// `metrics`, which must outlive the upstreams. The destructor waits until the callbacks of all sessions and watches,
// which must be destroyed before, have returned.
std::unique_ptr<Upstreams> MakeGrpcUpstreams(MetricSet& metrics);

}  // namespace probegate
