// What users are told of a probe.
#pragma once

#include <string>

#include "probe/probe.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// Bytes of what a probe says of itself; a USB string has at most 126 characters.
inline constexpr size_t kMaxProbeText = 128;

// A probe's unique id, made a line of valid UTF-8: by this it is known to users, whatever its strings hold.
std::string CleanUniqueId(const std::string& unique_id);

// `info` as the contract says it, with the capabilities that the server adds to every probe's. Strings are made lines
// of valid UTF-8.
v1::ProbeDescription Describe(const ProbeInfo& info);

}  // namespace probegate
