// The socket types of the gateway, and what Asio does not offer of Linux's sockets.
//
// Each connection has a strand: its handlers run one at a time, on whichever io thread is free.
#pragma once

#include <cstddef>
#include <string>

#include "asio/awaitable.hpp"
#include "asio/basic_waitable_timer.hpp"
#include "asio/io_context.hpp"
#include "asio/ip/tcp.hpp"
#include "asio/strand.hpp"
#include "asio/use_awaitable.hpp"

namespace probegate {

using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Strand>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Strand>;
template <typename T = void>
using Task = asio::awaitable<T, Strand>;
inline constexpr asio::use_awaitable_t<Strand> kUseTask{};

// Prepares a client's socket: SetUpConnection of base/socket.h, and no blocking. Errors are ignored: the socket is
// about to fail anyway then.
void ConfigureSocket(Socket& socket);

// Bytes that the peer has not acknowledged yet; 0 where the socket is gone.
size_t UnacknowledgedBytes(Socket& socket);

// Closes the socket with a reset: what was not acknowledged is lost.
void ResetSocket(Socket& socket);

// The error that the network has reported and nobody has been told yet.
bool HasPendingError(Socket& socket);

// HOST:PORT, an IPv6 address in brackets, one that only maps an IPv4 address as that address.
std::string ToString(const asio::ip::tcp::endpoint& endpoint);

}  // namespace probegate
