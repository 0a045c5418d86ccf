#include "base/self_connection.h"

#include <netinet/in.h>
#include <poll.h>

#include <cerrno>
#include <utility>

namespace probegate {
namespace {

Endpoint Reachable(Endpoint listening) {
  if (listening.host == "0.0.0.0") listening.host = "127.0.0.1";
  if (listening.host.empty() || listening.host == "::") listening.host = "::1";
  return listening;
}

OpenedSocket Failed(int error) { return {.socket = FileDescriptor(-1), .error = error}; }

// The address to which `socket` is bound.
Endpoint BoundTo(int socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return {};
  const auto* const address = reinterpret_cast<const sockaddr*>(&bound);
  const uint16_t port = bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(address)->sin6_port
                                                    : reinterpret_cast<const sockaddr_in*>(address)->sin_port;
  return {.host = SocketAddress(address, size).Host(), .port = ntohs(port)};
}

}  // namespace

SelfConnector::SelfConnector(const Endpoint& listening, Expect expect)
    : found_(Resolve(Reachable(listening))), expect_(std::move(expect)) {}

OpenedSocket SelfConnector::Connect(Deadline deadline) const {
  if (!found_.ok()) return Failed(EADDRNOTAVAIL);
  const SocketAddress& to = found_.addresses.front();
  FileDescriptor socket(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.ok()) return Failed(errno);
  // The program's own address, so it is also where the connection can come from.
  const SocketAddress from = to.WithPort(0);
  if (::bind(socket.number(), from.get(), from.size()) != 0) return Failed(errno);
  if (expect_) expect_(BoundTo(socket.number()));
  if (::connect(socket.number(), to.get(), to.size()) != 0) {
    if (errno != EINPROGRESS) return Failed(errno);
    if (const int error = WaitFor(socket.number(), POLLOUT, deadline)) return Failed(error);
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return Failed(error);
  }
  return {.socket = std::move(socket), .error = 0};
}

}  // namespace probegate
