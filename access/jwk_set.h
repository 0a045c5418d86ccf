// The public keys of an issuer of JWTs: a JWK Set (RFC 7517), and the check of a signature (RFC 7515) with one of them.
//
// Everything that needs a library for JOSE is here, and behind this header (docs/decisions/jose-with-rhonabwy.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace probegate {

// The algorithms that are accepted. All are asymmetric: a server has nothing that could be used to make a token.
enum class JwtAlgorithm : uint8_t { kRs256, kEs256, kEdDsa };

// One row per algorithm (RFC 7518, 3.1; RFC 8037, 3.1): what it is called, and the keys that it works with.
struct JwtAlgorithmRow {
  JwtAlgorithm algorithm;
  const char* name;   // `alg`
  const char* kty;    // of the key
  const char* curve;  // `crv` of the key; nullptr if keys of this type have none
};

// The row with this `alg`; nullptr if the algorithm is not accepted, such as "none" and "HS256".
const JwtAlgorithmRow* FindJwtAlgorithm(std::string_view name);

// Threads: constant once parsed, so any. Nothing blocks.
class JwkSet {
 public:
  struct Key {
    std::string kid;  // empty if it has none
    JwtAlgorithm algorithm;
    std::string jwk;  // the public key as JSON
  };

  // Parses a JWK Set. Keys that are not for checking signatures of accepted algorithms are left out: symmetric ones,
  // those for encryption, unknown curves, RSA keys of less than 2048 or more than 8192 bits. So is the private part of
  // a key. INVALID_ARGUMENT if `text` is not a JWK Set, if no key is left, or if there are more than 256.
  static absl::StatusOr<JwkSet> Parse(std::string_view text);

  // The key by which a token says that it is signed: the one with this `kid` for `algorithm`. If the token names none
  // (`kid` is empty), the only key for the algorithm. nullptr if there is none, or several.
  const Key* Find(std::string_view kid, JwtAlgorithm algorithm) const;

  // Whether any key has this `kid`, for whatever algorithm.
  bool Has(std::string_view kid) const;

 private:
  std::vector<Key> keys_;
};

// OK if `token`, a JWS in compact form, is signed with `key`, by the key's algorithm; UNAUTHENTICATED if not. Reads
// nothing of the token's header but `alg`: keys in the token, or addresses of keys, are ignored.
absl::Status CheckSignature(std::string_view token, const JwkSet::Key& key);

}  // namespace probegate
