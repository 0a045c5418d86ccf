// HOST:PORT, as the programs take it on their command lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace probegate {

struct Endpoint {
  std::string host;  // a name, an IPv4 address, or an IPv6 address without brackets
  uint16_t port = 0;

  // HOST:PORT, an IPv6 address in brackets.
  std::string ToString() const;
  bool operator==(const Endpoint&) const = default;
};

// "HOST:PORT" or "[IPV6]:PORT", port 0 to 65535; nothing where `text` is neither.
std::optional<Endpoint> ParseEndpoint(std::string_view text);

// As ParseEndpoint, or "HOST:FIRST-LAST" for each port of a range of at most 1024; ports from 1 upward. Empty where
// `text` is neither.
std::vector<Endpoint> ParseEndpointRange(std::string_view text);

// True for "localhost" and for addresses that only this machine reaches (127.0.0.0/8, ::1). No look-up: another name is
// not loopback, whatever it stands for.
bool IsLoopback(std::string_view host);

}  // namespace probegate
