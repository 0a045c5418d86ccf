// How clients are shown to people.
#pragma once

#include <string>

#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// "alice/pyocd@10.0.0.7:51234".
std::string Who(const v1::ClientInfo& client);

}  // namespace probegate
