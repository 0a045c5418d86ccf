// Asks a CMSIS-DAP device who it is and what it can do, with DAP_Info.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

struct Identity {
  ProbeInfo info;
  size_t packet_size = 0;   // bytes, request and reply
  size_t packet_count = 0;  // that the device can hold at once
  bool swo_stream = false;  // it can send SWO by an endpoint of its own, if it has one
};

// Asks, and gives `channel` its markers. What `options` says about the device replaces what the device says. kProbeError:
// it has no SWD, no unique ID, or its answers are invalid.
absl::StatusOr<Identity> Identify(Channel& channel, const Options& options);

}  // namespace probegate::cmsis_dap
