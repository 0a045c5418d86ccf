// What pyOCD calls wire protocols and capabilities: the names of the members of its DebugProbe.Protocol and
// .Capability.
#pragma once

#include <optional>
#include <string_view>

#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// Empty for a number without a name (from a newer server).
std::string_view WireProtocolName(int protocol);
std::string_view CapabilityName(int capability);

std::optional<v1::WireProtocol> WireProtocolByName(std::string_view name);

}  // namespace probegate
