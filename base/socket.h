// The system's TCP calls: looking up names, connecting and listening, waiting with a deadline. For programs and drivers
// that may block. Code that serves many connections at once uses Asio or gRPC instead.
//
// Errors are values of errno, or 0 for none, so that a small program can use this without linking Abseil. ErrorText
// puts them into words. Sockets are closed on exec. Threads: any.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/file_descriptor.h"

namespace probegate {

using Deadline = std::chrono::steady_clock::time_point;

// The system's message for a value of errno.
std::string ErrorText(int error);

// An IPv4 or IPv6 address, and a port.
class SocketAddress {
 public:
  // Copies `size` bytes, at most the size of a sockaddr_storage.
  SocketAddress(const sockaddr* address, socklen_t size);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return storage_.ss_family; }

  SocketAddress WithPort(uint16_t port) const;

  // The numeric address, without the port: "127.0.0.1", "::1", "fe80::1%eth0".
  std::string Host() const;

  // The numeric address and the port. An IPv4 address that is mapped into IPv6 is written as IPv4.
  Endpoint ToEndpoint() const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_;
};

// What a HOST:PORT resolves to.
struct Resolution {
  std::vector<SocketAddress> addresses;  // in the order to try them; empty only after an error
  int error = 0;                         // of getaddrinfo(3), EAI_…; 0 for none
  std::string why;                       // `error` in words

  bool ok() const { return error == 0; }
};

// Looks up `where`. `flags` are those of getaddrinfo; with AI_PASSIVE, an empty host stands for the addresses that all
// addresses of this machine are bound with. Blocks for as long as the system's resolver takes.
Resolution Resolve(const Endpoint& where, int flags = 0);

// A socket; if socket.ok() is false, the error says why there is none.
struct OpenedSocket {
  FileDescriptor socket;
  int error = 0;
};

// A non-blocking socket that is bound to `from`, for ConnectSocket.
OpenedSocket BindAt(const SocketAddress& from);

// The address to which `socket` is bound; an empty host and port 0 if the system does not say.
Endpoint LocalEndpoint(int socket);

// Connects a non-blocking socket to `to`. ETIMEDOUT if there is no connection by `deadline`.
int ConnectSocket(int socket, const SocketAddress& to, Deadline deadline);

// Connects to `to`. ETIMEDOUT if there is no connection by `deadline`. The socket is non-blocking.
OpenedSocket ConnectTo(const SocketAddress& to, Deadline deadline);

// Listens at `at`, even if connections of an earlier listener there are still in TIME_WAIT. A socket for all IPv6
// addresses (::) also accepts connections over IPv4, unless `ipv6_only`.
OpenedSocket ListenAt(const SocketAddress& at, bool ipv6_only = false);

// Waits until `socket` is ready for one of `events` (those of poll(2)), or has an error. Returns 0, or ETIMEDOUT.
int WaitFor(int socket, short events, Deadline deadline);

// Sends all of `bytes` on a non-blocking socket.
int SendAll(int socket, std::string_view bytes, Deadline deadline);

// Waits for bytes on a non-blocking socket, and appends them to `bytes`. `size` is their number; it is 0, without an
// error, if the other end has closed the connection.
struct Received {
  size_t size = 0;
  int error = 0;
};
Received Receive(int socket, std::string& bytes, Deadline deadline);

// Sets up a connection for requests and replies: small segments are not delayed, and a peer that vanishes without a FIN
// or reset is noticed within 30 s, whether or not data is being sent to it. Failures are not reported: they show when
// the socket is used.
void SetUpConnection(int socket);

}  // namespace probegate
