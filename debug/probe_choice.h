// Which probe a client means by DebugConfigReq.port.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// The unique id of the probe that `port` names: by its unique id, or by key=value, where key is unique_id, vendor,
// product, description, firmware or location, which only one probe may have. Letters' case does not matter.
// INVALID_ARGUMENT, NOT_FOUND, or UNAVAILABLE where the probe is away.
absl::StatusOr<std::string> ChooseProbe(const std::string& port, const v1::ListProbesResponse& probes);

}  // namespace probegate
