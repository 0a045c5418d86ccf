// How probes are shown to people.
#pragma once

#include <string>

#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// "idle", "in use", "away".
std::string StateName(v1::ProbeState state);

}  // namespace probegate
