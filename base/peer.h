// Who calls, as the transport sees it.
#pragma once

#include <string>
#include <string_view>

namespace probegate {

struct Peer {
  std::string address;  // HOST:PORT
  // What an id is good for. A client may come back over another connection, and gRPC makes new ones as it likes, so the
  // port is no part of it.
  std::string host;
};

// From what gRPC's ServerContext::peer says: "ipv4:10.0.0.7:51234", "ipv6:%5B::1%5D:51234" (gRPC's naming.md). What is
// neither is taken as it is.
Peer ParsePeer(std::string_view uri);

}  // namespace probegate
