// pyOCD's names of wire protocols and capabilities, which are the members of its enumerations DebugProbe.Protocol and
// DebugProbe.Capability.
#pragma once

#include <optional>
#include <string_view>

#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// Empty for a number that has no name here (it came from a newer server).
std::string_view WireProtocolName(int protocol);
std::string_view CapabilityName(int capability);

std::optional<v1::WireProtocol> WireProtocolByName(std::string_view name);

}  // namespace probegate
