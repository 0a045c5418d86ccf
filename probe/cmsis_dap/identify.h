// Asks a CMSIS-DAP device who it is and what it can do, with DAP_Info and, for DAP_SWD_Sequence, with the command
// itself.
//
// What a device says about itself is often wrong: firmware in the field leaves answers out, refuses a question, sends a
// number of an unusual length, or text in an unknown encoding. A device that can be used is used. For what it does not
// say, a safe value is assumed: packets of 64 bytes, one at a time, SWD and nothing else, no name. Each assumption is
// reported once.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

struct Identity {
  ProbeInfo info;           // texts are UTF-8, without control characters
  size_t packet_size = 0;   // bytes, request and reply
  size_t packet_count = 0;  // that the device can hold at once
  bool swo_stream = false;  // it can send SWO by an endpoint of its own, if it has one
};

// Asks, and gives `channel` its markers. What `options` says about the device replaces what the device says.
// kProbeError: it does not answer, or its answers do not belong to the questions; it has no SWD, or no unique ID.
absl::StatusOr<Identity> Identify(Channel& channel, const Options& options);

}  // namespace probegate::cmsis_dap
