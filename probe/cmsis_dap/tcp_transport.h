// The TCP transport: a CMSIS-DAP device at HOST:PORT.
#pragma once

#include <chrono>
#include <memory>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "probe/cmsis_dap/transport.h"

namespace probegate::cmsis_dap {

// Connects within `bound` (not counting the look-up of a host's name, which is the resolver's). If the name has several
// addresses, they share it: one that does not answer leaves the others their part. Nagle's algorithm is off.
// A device that vanishes without a word is noticed by TCP keepalive within half a minute, or by its missing
// replies. Errors: kProbeDisconnected, with what was wrong and at which address.
absl::StatusOr<std::unique_ptr<Transport>> ConnectTcp(const Endpoint& endpoint, std::chrono::milliseconds bound);

}  // namespace probegate::cmsis_dap
