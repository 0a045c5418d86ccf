// Fetches a small document over HTTP, such as the keys of an issuer.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace probegate {

struct HttpRequest {
  std::string url;      // https, or http to a loopback address
  std::string ca_file;  // PEM; empty: the system's CAs
  std::string token;    // the bearer token to send; empty: none. Not sent to another host after a redirect
};

// The body of the answer to GET, if the status is 200. UNAVAILABLE, with the URL and the reason, otherwise;
// INVALID_ARGUMENT if IsFetchable(url) is false.
//
// The server's certificate is checked, TLS is 1.2 at least. At most 3 redirects are followed, from
// https to https.
// The body may have at most kMostHttpBody bytes. A proxy is used as the environment says (https_proxy, no_proxy).
//
// Threads: any. Blocks for at most 10 s, and then until the name has been looked up or that has failed. If `cancelled`
// returns true, it returns soon after. `cancelled` is called on the same thread, at least once per second.
absl::StatusOr<std::string> HttpGet(const HttpRequest& request, const std::function<bool()>& cancelled);

// Whether HttpGet can fetch `url`. http is only for this machine, because anyone on the way could replace the keys. A
// user name or password is not accepted, because URLs are logged.
bool IsFetchable(const std::string& url);

inline constexpr size_t kMostHttpBody = size_t{1} << 20;

}  // namespace probegate
