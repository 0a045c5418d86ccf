// Who makes a call: found once, where a stream, a session or another call begins, and kept with it.
//
// Threads: a value without shared state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace probegate {

// What proved an identity.
enum class Proof : uint8_t {
  kAnonymous,    // nothing: a connection in the clear from another machine, to a server with --insecure
  kLocal,        // the connection comes from this machine: loopback or a Unix socket
  kCertificate,  // a client certificate that TLS has verified
  kToken,        // a static token of the server (access/static_tokens.h)
  kIssuer,       // a JWT of a configured issuer (access/jwt.h)
};

// "anonymous", "local", "certificate", "token" or "issuer".
std::string_view ProofName(Proof proof);

// The claims of a JWT as texts, by name. A claim that is a list has several values. The members of an object are claims
// of their own, with the object's name and a slash before theirs: "kubernetes.io/namespace".
using Claims = std::map<std::string, std::vector<std::string>, std::less<>>;

struct Identity {
  Proof proof = Proof::kAnonymous;
  // The user's name (empty if the system does not tell), the name in the certificate, the token's name, the JWT's
  // subject; of an anonymous client, what its address counts as (Peer::client). It has passed IsUsableName.
  std::string name;
  std::string issuer;  // the JWT's `iss`; otherwise empty
  Claims claims;       // the JWT's; otherwise empty
  // When the proof expires: the certificate's or the token's end. InfiniteFuture if it does not.
  absl::Time expires = absl::InfiniteFuture();

  // Such as "certificate:ci.example", "token:bench-1", "local:alice", "local",
  // "issuer:https://issuer.example:subject" or "anonymous:10.0.0.7". It is the key of quotas, and the name in lists,
  // logs, audit and messages: printable, at most kMaxText bytes, and different for different identities. If the name is
  // too long, its end is replaced by "~" and a part of its digest.
  std::string Text() const;

  static constexpr size_t kMaxText = 256;  // bytes
};

// Whether `name` may be the name of an identity: one line of valid UTF-8 without control characters, not empty, and of
// at most kMaxName bytes. Other names could not be told apart when they are printed.
bool IsUsableName(std::string_view name);

inline constexpr size_t kMaxName = 2048;  // bytes; the limit of a SPIFFE ID (SPIFFE-ID §2.3)

}  // namespace probegate
