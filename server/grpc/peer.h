// Who is at the other end of a gRPC call.
#pragma once

#include <string_view>

#include "server/peer.h"

namespace probegate {

// From what ServerContext::peer says: "ipv4:10.0.0.7:51234", "ipv6:%5B::1%5D:51234" (gRPC's naming.md). What is neither
// is taken as it is.
Peer ParsePeer(std::string_view uri);

}  // namespace probegate
