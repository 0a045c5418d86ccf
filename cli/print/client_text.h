// How clients are shown to people.
#pragma once

#include <string>

#include "probegate/v1/debug_probe.pb.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// "alice/pyocd@10.0.0.7:51234".
std::string Who(const v1::ClientInfo& client);

// The same, with " via 10.0.0.2" if the session came from there, through a gateway that says that its client is
// elsewhere.
std::string Who(const v1::SessionInfo& session);

}  // namespace probegate
