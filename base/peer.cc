#include "base/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>

#include "absl/strings/str_replace.h"
#include "base/endpoint.h"

namespace probegate {

std::string ClientKey(const std::string& host) {
  in6_addr address{};
  // A zone ("%eth0") belongs to link-local addresses, which share one network.
  if (::inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &address) != 1) return host;
  char text[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    return ::inet_ntop(AF_INET, &address.s6_addr[12], text, sizeof(text));
  }
  std::fill(&address.s6_addr[8], std::end(address.s6_addr), uint8_t{0});
  return std::string(::inet_ntop(AF_INET6, &address, text, sizeof(text))) + "/64";
}

bool Peer::local() const { return uid.has_value() || IsLoopback(host); }

Peer PeerWithUid(uint32_t uid) {
  const std::string name = "uid " + std::to_string(uid);
  return {.address = name, .host = name, .client = name, .uid = uid};
}

Peer ParsePeer(std::string_view uri) {
  for (const std::string_view scheme : {"ipv4:", "ipv6:"}) {
    if (!uri.starts_with(scheme)) continue;
    const std::string_view rest = uri.substr(scheme.size());
    std::string address =
        absl::StrReplaceAll(absl::string_view(rest.data(), rest.size()), {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
    if (const auto endpoint = ParseEndpoint(address)) {
      return {.address = std::move(address), .host = endpoint->host, .client = ClientKey(endpoint->host)};
    }
  }
  return {.address = std::string(uri), .host = std::string(uri), .client = std::string(uri)};
}

}  // namespace probegate
