// The caller's address, as the transport sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace probegate {

struct Peer {
  std::string address;  // HOST:PORT; "uid 1000" on a unix socket
  // Identifies the caller when a session's ID is checked. The port does not: a client may come back over another
  // connection, and gRPC opens new connections when it likes.
  std::string host;
  // By which shares are counted (base/quota.h): the IPv4 address, or the first 64 bits of the IPv6 address, because one
  // machine usually has all addresses of such a network. On a unix socket, the user.
  std::string client;
  std::optional<uint32_t> uid = std::nullopt;  // of the process at the other end of a unix socket, when it connected

  // Whether it is on this machine.
  bool local() const;
};

// The peer on a unix socket that is this user's.
Peer PeerWithUid(uint32_t uid);

// The key of the client at the numeric address `host`, as in Peer::client. An IPv4 address may be mapped into IPv6. Any
// other text is used unchanged.
std::string ClientKey(const std::string& host);

// Parses the result of gRPC's ServerContext::peer: "ipv4:10.0.0.7:51234", "ipv6:%5B::1%5D:51234" (gRPC's naming.md).
// Any other text is used unchanged.
Peer ParsePeer(std::string_view uri);

}  // namespace probegate
