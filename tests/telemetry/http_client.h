// An HTTP client on a plain socket, so that tests can also send invalid requests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"

namespace probegate {

// A connection to this machine.
class HttpClient {
 public:
  enum class Family : uint8_t { kIpv4, kIpv6 };

  explicit HttpClient(uint16_t port, Family family = Family::kIpv4)
      : socket_(::socket(family == Family::kIpv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval bound{.tv_sec = 60};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    if (family == Family::kIpv4) {
      Connect(sockaddr_in{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}});
    } else {
      Connect(sockaddr_in6{.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT});
    }
  }

  bool connected() const { return connected_; }

  // False if the server has closed the connection.
  bool Send(std::string_view text) { return ::send(socket_.number(), text.data(), text.size(), MSG_NOSIGNAL) >= 0; }

  // Everything until the server closes the connection.
  std::string ReadAll() {
    std::string all;
    char piece[4096];
    ssize_t got = 0;
    while ((got = ::recv(socket_.number(), piece, sizeof(piece), 0)) > 0) all.append(piece, static_cast<size_t>(got));
    return all;
  }

 private:
  template <typename Address>
  void Connect(const Address& address) {
    connected_ = ::connect(socket_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }

  FileDescriptor socket_;
  bool connected_ = false;
};

struct HttpReply {
  std::string head;  // the status line and the headers
  std::string body;
};

inline HttpReply Ask(uint16_t port, std::string_view method, std::string_view path) {
  HttpClient client(port);
  client.Send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string all = client.ReadAll();
  const size_t end = all.find("\r\n\r\n");
  if (end == std::string::npos) return {all, ""};
  return {all.substr(0, end), all.substr(end + 4)};
}

}  // namespace probegate
