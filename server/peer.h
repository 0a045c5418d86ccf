// Who calls, as the transport sees it.
#pragma once

#include <string>

namespace probegate {

struct Peer {
  std::string address;  // HOST:PORT
  // What an id is good for. A client may come back over another connection, and gRPC makes new ones as it likes, so the
  // port is no part of it.
  std::string host;
};

}  // namespace probegate
