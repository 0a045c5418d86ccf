// HOST:PORT, as on the programs' command lines, and unix:/PATH where they take it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace probegate {

struct Endpoint {
  std::string host;   // a name, an IPv4 address, or an IPv6 address without brackets; the path of a unix socket
  uint16_t port = 0;  // 0 for a unix socket

  // Whether it is the path of a unix socket. Only ParseAddress returns those.
  bool is_unix() const { return host.starts_with('/'); }
  // HOST:PORT, an IPv6 address in brackets; or unix:/PATH, which gRPC understands, too.
  std::string ToString() const;
  bool operator==(const Endpoint&) const = default;
};

// Parses "HOST:PORT" or "[IPV6]:PORT", with a port from 0 to 65535. Nothing if `text` is neither.
std::optional<Endpoint> ParseEndpoint(std::string_view text);

// Parses what ParseEndpoint does, or "unix:/PATH", an absolute path of at most 107 bytes.
std::optional<Endpoint> ParseAddress(std::string_view text);

// Parses what ParseEndpoint does, or "HOST:FIRST-LAST", which stands for each port of a range of at most 1024. Ports
// are from 1 to 65535. Empty if `text` is neither.
std::vector<Endpoint> ParseEndpointRange(std::string_view text);

// True for "localhost" and for addresses that only this machine can reach (127.0.0.0/8, ::1). Names are not looked up:
// any other name is not loopback, whatever it resolves to.
bool IsLoopback(std::string_view host);

}  // namespace probegate
