#include "base/peer.h"

#include "absl/strings/str_replace.h"
#include "base/endpoint.h"

namespace probegate {

Peer ParsePeer(std::string_view uri) {
  for (const std::string_view scheme : {"ipv4:", "ipv6:"}) {
    if (!uri.starts_with(scheme)) continue;
    const std::string_view rest = uri.substr(scheme.size());
    std::string address =
        absl::StrReplaceAll(absl::string_view(rest.data(), rest.size()), {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
    if (const auto endpoint = ParseEndpoint(address)) return {std::move(address), endpoint->host};
  }
  return {std::string(uri), std::string(uri)};
}

}  // namespace probegate
