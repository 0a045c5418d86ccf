// The gateway's upstream over gRPC: one channel, a stream a session.
#pragma once

#include <memory>
#include <string>

#include "gateway/upstream.h"
#include "telemetry/metrics.h"

namespace probegate {

// `server` is HOST:PORT. Connects when first needed, and again, with growing pauses, when the connection is lost.
// Counts all calls in `metrics`, which must outlive the upstream. The destructor waits until the callbacks of all
// sessions and watches, which must be destroyed before, have returned.
std::unique_ptr<Upstream> MakeGrpcUpstream(const std::string& server, MetricSet& metrics);

}  // namespace probegate
