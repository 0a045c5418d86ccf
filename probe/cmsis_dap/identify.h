// Asks a CMSIS-DAP device who it is and what it can do, with DAP_Info.
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
  bool swo_stream = false;  // it can send SWO by an endpoint of its own, if it has one
};

// Asks, and gives `channel` its markers. The unique ID and the names in `known`, if not empty, replace the device's
// own. A device without a serial number gets `fallback_id` as its unique ID. kProbeError: it has no SWD, no unique ID,
// or its answers are invalid.
absl::StatusOr<Identity> Identify(Channel& channel, const ProbeInfo& known, const std::string& fallback_id);

}  // namespace probegate::cmsis_dap
