// Who a CMSIS-DAP device is and what it can do, by DAP_Info.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

struct Identity {
  ProbeInfo info;
  size_t packet_size = 0;   // bytes, request and reply
  size_t packet_count = 0;  // that the device can hold at once
  bool swo_stream = false;  // it can send SWO by an endpoint of its own, where there is one
};

// Asks, and gives `channel` its markers. What `known` says, its unique id and names, where these are
// not empty, takes the place of what the device does. A device without a serial number is known by `fallback_id`.
// kProbeError: it has no SWD, no unique id, or answers nonsense.
absl::StatusOr<Identity> Identify(Channel& channel, const ProbeInfo& known, const std::string& fallback_id);

}  // namespace probegate::cmsis_dap
