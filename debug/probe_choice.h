// Finds the probe that a client names.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "debug/debug_config.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct KnownProbe {
  v1::ProbeStatus status;
  std::string server;  // which reported it; for messages
};

struct ProbeList {
  std::vector<KnownProbe> probes;  // of all servers that answered
  std::string gap;                 // which servers did not answer and why, for messages; empty if all did
};

// The unique ID of the probe that `port` names. The names are tried in order until one matches a probe. A name is
// either a probe's unique ID, or KEY=VALUE, where KEY is unique_id, vendor, product, description, firmware, location or
// a label (docs/hardware.md), and only one probe has the value. Case does not matter. For a probe that moved, what its
// present server reports counts; on the server that it left, it is away. `port` must not be empty.
//
// INVALID_ARGUMENT, NOT_FOUND, or UNAVAILABLE if the probe is away. FAILED_PRECONDITION if several servers have a probe
// with this unique ID, because the client can mean only one of them. If there is a gap, UNAVAILABLE is returned instead
// of NOT_FOUND, and for every key except unique_id: a probe of a server that did not answer may have the value, too.
// The message names the field.
absl::StatusOr<std::string> ChooseProbe(const std::vector<PortName>& port, const ProbeList& list);

}  // namespace probegate
