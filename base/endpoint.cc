#include "base/endpoint.h"

#include <arpa/inet.h>

#include <charconv>

namespace probegate {
namespace {

constexpr unsigned kMaxPort = 65535;
constexpr unsigned kMaxRange = 1024;
constexpr std::string_view kUnix = "unix:";
constexpr size_t kMaxUnixPath = 107;  // unix(7)

std::optional<uint16_t> ParsePort(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || port > kMaxPort) return std::nullopt;
  return static_cast<uint16_t>(port);
}

struct HostAndPorts {
  std::string_view host;
  std::string_view ports;
};

std::optional<HostAndPorts> SplitHost(std::string_view text) {
  HostAndPorts parts;
  if (text.starts_with('[')) {
    const size_t close = text.find("]:");
    if (close == std::string_view::npos) return std::nullopt;
    parts = {text.substr(1, close - 1), text.substr(close + 2)};
  } else {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    parts = {text.substr(0, colon), text.substr(colon + 1)};
  }
  if (parts.host.empty() || parts.host.find_first_of("[] \t/") != std::string_view::npos) return std::nullopt;
  return parts;
}

}  // namespace

std::string Endpoint::ToString() const {
  if (is_unix()) return std::string(kUnix) + host;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  const auto parts = SplitHost(text);
  if (!parts) return std::nullopt;
  const auto port = ParsePort(parts->ports);
  if (!port) return std::nullopt;
  return Endpoint{std::string(parts->host), *port};
}

std::optional<Endpoint> ParseAddress(std::string_view text) {
  if (!text.starts_with(kUnix)) return ParseEndpoint(text);
  const std::string_view path = text.substr(kUnix.size());
  if (!path.starts_with('/') || path.ends_with('/') || path.size() > kMaxUnixPath) return std::nullopt;
  return Endpoint{std::string(path), 0};
}

std::vector<Endpoint> ParseEndpointRange(std::string_view text) {
  const auto parts = SplitHost(text);
  if (!parts) return {};
  const size_t dash = parts->ports.find('-');
  const auto first = ParsePort(parts->ports.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : ParsePort(parts->ports.substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first || *last - *first >= static_cast<int>(kMaxRange)) return {};
  std::vector<Endpoint> endpoints;
  for (unsigned port = *first; port <= *last; ++port) {
    endpoints.push_back({std::string(parts->host), static_cast<uint16_t>(port)});
  }
  return endpoints;
}

bool IsLoopback(std::string_view host) {
  if (host == "localhost") return true;
  const std::string text(host);
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace probegate
