// TCP as the system offers it: looking names up, connecting and listening, waiting with a deadline. For programs and
// drivers that block; what serves many connections at once uses Asio or gRPC.
//
// Errors are numbers of errno, 0 for none, and ErrorText puts them in words: so that a small program can use this
// without linking Abseil. Sockets are closed on exec. Threads: any.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/file_descriptor.h"

namespace probegate {

using Deadline = std::chrono::steady_clock::time_point;

// The system's words for a number of errno.
std::string ErrorText(int error);

// An IPv4 or IPv6 address, and a port.
class SocketAddress {
 public:
  // Copies `size` bytes, at most those of a sockaddr_storage.
  SocketAddress(const sockaddr* address, socklen_t size);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return storage_.ss_family; }

  // The address in figures, without the port: "127.0.0.1", "::1", "fe80::1%eth0".
  std::string Host() const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_;
};

// What a HOST:PORT stands for.
struct Resolution {
  std::vector<SocketAddress> addresses;  // in the order to try them; empty only after an error
  int error = 0;                         // of getaddrinfo(3), EAI_…; 0 for none
  std::string why;                       // `error` in words

  bool ok() const { return error == 0; }
};

// Looks `where` up. `flags`: getaddrinfo's. Blocks as long as the system's resolver may.
Resolution Resolve(const Endpoint& where, int flags = 0);

// A socket, or why there is none: then it is not ok().
struct OpenedSocket {
  FileDescriptor socket;
  int error = 0;
};

// Connects to `to`; ETIMEDOUT if that takes longer than until `deadline`. The socket does not block.
OpenedSocket ConnectTo(const SocketAddress& to, Deadline deadline);

// Listens at `at`, whether or not connections of an earlier listener there still linger.
OpenedSocket ListenAt(const SocketAddress& at);

// Waits until `socket` is ready for one of `events`, as poll(2) has them, or has an error. 0, or ETIMEDOUT.
int WaitFor(int socket, short events, Deadline deadline);

// Sends all of `bytes` on a socket that does not block.
int SendAll(int socket, std::string_view bytes, Deadline deadline);

// Waits for bytes on a socket that does not block, and appends them to `bytes`. `size`: how many; 0 without an error if
// the other end has closed the connection.
struct Received {
  size_t size = 0;
  int error = 0;
};
Received Receive(int socket, std::string& bytes, Deadline deadline);

// Sets a connection up for requests and replies: small segments are not delayed, and a peer that vanishes without a
// word is noticed within 30 s, whether or not something is being sent to it. A failure shows when the socket is used.
void SetUpConnection(int socket);

}  // namespace probegate
