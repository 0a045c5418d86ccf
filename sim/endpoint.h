// Network addresses as they are written on a command line and printed: HOST:PORT, [IPV6]:PORT.
#pragma once

#include <cstdint>
#include <string>

#include "asio/ip/tcp.hpp"

namespace probegate::sim {

struct HostPort {
  std::string host;
  uint16_t port = 0;
};

// Throws std::invalid_argument, whose message has `text` and what is wrong with it.
HostPort ParseHostPort(const std::string& text);

// The first address that the system finds for the host; for a name that may involve a name server, and block. Throws
// std::runtime_error, whose message has the host.
asio::ip::tcp::endpoint Resolve(const HostPort& address);

std::string ToString(const asio::ip::tcp::endpoint& endpoint);

// A listening socket. Throws std::runtime_error, whose message has `endpoint`, for example if the port is in use.
asio::ip::tcp::acceptor Listen(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint);

// Whether the other end still has the connection open. This is known as soon as its FIN has arrived, even if there are
// bytes left to read.
bool PeerIsThere(asio::ip::tcp::socket& socket);

}  // namespace probegate::sim
