// Which probe a client means by DebugConfigReq.port.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct KnownProbe {
  v1::ProbeStatus status;
  std::string server;  // that has it; for a person
};

struct ProbeList {
  std::vector<KnownProbe> probes;  // of all servers that answered
  std::string gap;                 // which did not, for a person; empty where all did
};

// The unique id of the probe that `port` names: by its unique id, or by key=value, where key is unique_id, vendor,
// product, description, firmware or location, which only one probe may have. Letters' case does not matter. A probe
// that moved is away on the server that it left, and is what the other says of it.
//
// INVALID_ARGUMENT, NOT_FOUND, or UNAVAILABLE where the probe is away. FAILED_PRECONDITION where two servers have
// probes with this unique id: one of them is not the probe that is meant. Where there is a gap, UNAVAILABLE stands for
// NOT_FOUND, and for every key but unique_id: a probe of the server that is missing may have the value, too.
absl::StatusOr<std::string> ChooseProbe(const std::string& port, const ProbeList& list);

}  // namespace probegate
