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

// Prepares a client's socket: calls SetUpConnection (base/socket.h) and makes the socket non-blocking. From then on
// whatever closes it resets the connection, unless CloseInOrder does: also the kernel, after the gateway has been
// killed. Errors are ignored, because a socket that reports one here is about to fail anyway.
void ConfigureSocket(Socket& socket);

// Closes the socket in the usual way. Without waiting for it: the peer gets everything that was written, and then a
// FIN.
void CloseInOrder(Socket& socket);

// Bytes that the peer has not acknowledged yet; 0 if the socket is closed.
size_t UnacknowledgedBytes(Socket& socket);

// Closes the socket, configured or not, with a reset: bytes that were not acknowledged are lost.
void ResetSocket(Socket& socket);

// Whether the network has reported an error that no call on the socket has returned yet. Clears it.
bool HasPendingError(Socket& socket);

// HOST:PORT. An IPv6 address is in brackets; an IPv4-mapped one is written as the IPv4 address.
std::string ToString(const asio::ip::tcp::endpoint& endpoint);

}  // namespace probegate
