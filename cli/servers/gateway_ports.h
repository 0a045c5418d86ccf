// Which port of a gateway serves which probe, found by asking each port.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/endpoint.h"

namespace probegate {

// Unique id to HOST:PORT, of those among `ports` that answer within a second or so: all are asked at once, in pyOCD's
// remote probe protocol, `hello` and `readprop unique_id`.
std::map<std::string, std::string> AskGatewayPorts(const std::vector<Endpoint>& ports);

}  // namespace probegate
