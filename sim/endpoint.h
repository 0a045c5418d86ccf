// Addresses as they are given on a command line and printed: HOST:PORT, [IPV6]:PORT.
#pragma once

#include <cstdint>
#include <string>

#include "asio/ip/tcp.hpp"

namespace probegate::sim {

struct HostPort {
  std::string host;
  uint16_t port = 0;
};

// Throws std::invalid_argument that names `text` and what is wrong with it.
HostPort ParseHostPort(const std::string& text);

// The first address that the system knows for it, which for a name may ask a name server. Throws std::runtime_error
// that names it.
asio::ip::tcp::endpoint Resolve(const HostPort& address);

std::string ToString(const asio::ip::tcp::endpoint& endpoint);

// A listening socket. Throws std::runtime_error that names `endpoint`, say where the port is in use.
asio::ip::tcp::acceptor Listen(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint);

// Whether the other end still has the connection open. Its FIN is known here before its last bytes have been read.
bool PeerIsThere(asio::ip::tcp::socket& socket);

}  // namespace probegate::sim
