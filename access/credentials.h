// What a transport knows about the other end of a connection: the input of Authenticator::Identify.
//
// Threads: plain values.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/protection.h"

namespace probegate {

// The names in a client certificate that TLS has verified, as in its subject alternative names (RFC 5280, 4.2.1.6).
struct CertificateNames {
  std::vector<std::string> uris;
  std::vector<std::string> dns;
  std::vector<std::string> emails;
  std::string common_name;  // of its subject (RFC 5280, 4.1.2.6); empty if there is none
  absl::Time not_after = absl::InfiniteFuture();
};

struct Credentials {
  Protection protection = Protection::kClear;
  std::string client;                           // Peer::client (base/peer.h): what the address counts as
  std::optional<uid_t> uid;                     // the user at the other end, if the kernel tells
  std::optional<CertificateNames> certificate;  // only over kTls
  std::optional<std::string> token;             // the bearer token, if one was sent
};

// The token in the value of `authorization` (RFC 6750, 2.1): "Bearer TOKEN", where case does not matter in "Bearer".
// UNAUTHENTICATED if the value is anything else. The message never has a part of the value.
absl::StatusOr<std::string> BearerToken(std::string_view authorization);

}  // namespace probegate
