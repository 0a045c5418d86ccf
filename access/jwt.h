// Checks JWTs (RFC 7519) of configured issuers, as RFC 8725 advises: OpenID Connect tokens of CI systems and of
// Kubernetes, for example.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "access/identity.h"
#include "access/issuer_keys.h"
#include "access/issuer_settings.h"

namespace probegate {

// Threads: any. Nothing blocks.
class JwtVerifier {
 public:
  struct Issuer {
    IssuerSettings settings;
    std::shared_ptr<IssuerKeys> keys;
  };

  // No two issuers may have the same `issuer`.
  explicit JwtVerifier(std::vector<Issuer> issuers) : issuers_(std::move(issuers)) {}

  // The identity that `token`, a signed JWT in compact form, proves at the time `now`. The token must
  //   - have at most kMaxToken bytes,
  //   - have a header with `alg` RS256, ES256 or EdDSA, and without `crit`, `b64`, `zip` and `enc`,
  //   - be signed with a key of its issuer that fits `alg` and the token's `kid`,
  //   - have the texts `iss` (of a configured issuer) and `sub`, and one of the issuer's audiences in `aud`,
  //   - have `exp`, which must not be more than kLeeway ago,
  //   - and, if it has `nbf`, that must not be more than kLeeway ahead.
  // Everything is checked in this order, so what the token says about itself is used in messages only after its
  // signature was checked, except for `iss`. UNAUTHENTICATED, with what is wrong, if it is not such a token;
  // UNAVAILABLE if the issuer's keys are being fetched. A message never has a part of the signature.
  absl::StatusOr<Identity> Verify(std::string_view token, absl::Time now) const;

  static constexpr size_t kMaxToken = 16'384;  // bytes
  static constexpr absl::Duration kLeeway = absl::Seconds(60);

 private:
  const Issuer* Find(std::string_view issuer) const;

  const std::vector<Issuer> issuers_;
};

// Whether `token` looks like a JWT: three parts with a dot between them.
bool LooksLikeJwt(std::string_view token);

}  // namespace probegate
