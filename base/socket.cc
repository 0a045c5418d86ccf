#include "base/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace probegate {
namespace {

struct OptionRow {
  int level;
  int name;
  int value;
};
constexpr OptionRow kConnectionOptions[] = {
    {IPPROTO_TCP, TCP_NODELAY, 1},
    {SOL_SOCKET, SO_KEEPALIVE, 1},
    {IPPROTO_TCP, TCP_KEEPIDLE, 10},
    {IPPROTO_TCP, TCP_KEEPINTVL, 5},
    {IPPROTO_TCP, TCP_KEEPCNT, 3},
    // On Linux this overrides TCP_KEEPCNT, so it is 10 s plus three times 5 s, in milliseconds. When the next probe is
    // due, Linux gives up instead, which leaves 5 of the 30 seconds as a margin.
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 25'000},
};

OpenedSocket Failed(int error) { return {.socket = FileDescriptor(-1), .error = error}; }

OpenedSocket Open(int family, int flags) {
  FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!socket.ok()) return Failed(errno);
  return {.socket = std::move(socket)};
}

// The error that the network has reported, or 0 if the connection is established.
int PendingError(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

std::string ErrorText(int error) { return std::generic_category().message(error); }

SocketAddress::SocketAddress(const sockaddr* address, socklen_t size)
    : size_(std::min<socklen_t>(size, sizeof(storage_))) {
  std::memcpy(&storage_, address, size_);
}

SocketAddress SocketAddress::WithPort(uint16_t port) const {
  SocketAddress other = *this;
  auto* const address = reinterpret_cast<sockaddr*>(&other.storage_);
  if (family() == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
  }
  return other;
}

std::string SocketAddress::Host() const {
  char text[NI_MAXHOST] = "";
  ::getnameinfo(get(), size_, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
  return text;
}

Endpoint SocketAddress::ToEndpoint() const {
  if (family() != AF_INET6) {
    return {.host = Host(), .port = ntohs(reinterpret_cast<const sockaddr_in*>(get())->sin_port)};
  }
  const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(get());
  if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return {.host = Host(), .port = ntohs(v6.sin6_port)};
  char text[INET_ADDRSTRLEN] = "";
  return {.host = ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text)), .port = ntohs(v6.sin6_port)};
}

Resolution Resolve(const Endpoint& where, int flags) {
  const addrinfo hints{.ai_flags = flags | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  const bool all = where.host.empty() && (flags & AI_PASSIVE) != 0;
  addrinfo* found = nullptr;
  if (const int error =
          ::getaddrinfo(all ? nullptr : where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found)) {
    return {.addresses = {}, .error = error, .why = error == EAI_SYSTEM ? ErrorText(errno) : ::gai_strerror(error)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  Resolution resolution;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    resolution.addresses.emplace_back(one->ai_addr, one->ai_addrlen);
  }
  return resolution;
}

OpenedSocket BindAt(const SocketAddress& from) {
  OpenedSocket opened = Open(from.family(), SOCK_NONBLOCK);
  if (opened.error != 0) return opened;
  if (::bind(opened.socket.number(), from.get(), from.size()) != 0) return Failed(errno);
  return opened;
}

Endpoint LocalEndpoint(int socket) {
  sockaddr_storage storage{};
  auto* const bound = reinterpret_cast<sockaddr*>(&storage);
  socklen_t size = sizeof(storage);
  if (::getsockname(socket, bound, &size) != 0) return {};
  return SocketAddress(bound, size).ToEndpoint();
}

int ConnectSocket(int socket, const SocketAddress& to, Deadline deadline) {
  if (::connect(socket, to.get(), to.size()) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (const int error = WaitFor(socket, POLLOUT, deadline)) return error;
  return PendingError(socket);
}

OpenedSocket ConnectTo(const SocketAddress& to, Deadline deadline) {
  OpenedSocket opened = Open(to.family(), SOCK_NONBLOCK);
  if (opened.error != 0) return opened;
  if (const int error = ConnectSocket(opened.socket.number(), to, deadline)) return Failed(error);
  return opened;
}

OpenedSocket ListenAt(const SocketAddress& at, bool ipv6_only) {
  OpenedSocket opened = Open(at.family(), 0);
  if (opened.error != 0) return opened;
  const int socket = opened.socket.number();
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const int only = ipv6_only ? 1 : 0;  // set in both cases, because the default is a setting of the system
  if (at.family() == AF_INET6) ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
  if (::bind(socket, at.get(), at.size()) != 0 || ::listen(socket, SOMAXCONN) != 0) return Failed(errno);
  return opened;
}

int WaitFor(int socket, short events, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd wanted{.fd = socket, .events = events, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready > 0) return 0;
    if (ready == 0) return ETIMEDOUT;
    if (errno != EINTR) return errno;
  }
}

int SendAll(int socket, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const int error = WaitFor(socket, POLLOUT, deadline)) return error;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

Received Receive(int socket, std::string& bytes, Deadline deadline) {
  std::array<char, 4096> chunk;
  for (;;) {
    if (const int error = WaitFor(socket, POLLIN, deadline)) return {.error = error};
    const ssize_t got = ::recv(socket, chunk.data(), chunk.size(), 0);
    if (got >= 0) {
      bytes.append(chunk.data(), static_cast<size_t>(got));
      return {.size = static_cast<size_t>(got)};
    }
    if (errno != EAGAIN && errno != EINTR) return {.error = errno};
  }
}

void SetUpConnection(int socket) {
  for (const OptionRow& row : kConnectionOptions) {
    ::setsockopt(socket, row.level, row.name, &row.value, sizeof(row.value));
  }
}

}  // namespace probegate
