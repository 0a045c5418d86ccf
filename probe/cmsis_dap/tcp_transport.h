// The TCP transport: a CMSIS-DAP device at HOST:PORT.
#pragma once

#include <chrono>
#include <memory>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "probe/cmsis_dap/transport.h"

namespace probegate::cmsis_dap {

// Connects within `bound` (not counting the look-up of a host's name, whose time-out is the resolver's). If the name
// has several addresses, they share that time, so an address that does not answer leaves the others their part. Nagle's
// algorithm is off. If a device vanishes silently, TCP keepalive notices it within half a minute, or its replies are
// missed earlier. Errors: kProbeDisconnected, with the reason and the address.
//
// The transport restores the link once, by connecting to the same address again, for up to a second. A connection that
// the device closes is not restored.
absl::StatusOr<std::unique_ptr<Transport>> ConnectTcp(const Endpoint& endpoint, std::chrono::milliseconds bound);

}  // namespace probegate::cmsis_dap
