// Finds out which port of a gateway serves which probe, by asking each port.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/endpoint.h"

namespace probegate {

// Maps unique IDs to HOST:PORT, for those of `ports` that answer within about a second. All are asked at once, with
// `hello` and `readprop unique_id` of pyOCD's remote probe protocol.
std::map<std::string, std::string> AskGatewayPorts(const std::vector<Endpoint>& ports);

}  // namespace probegate
