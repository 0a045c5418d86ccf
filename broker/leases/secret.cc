#include "broker/leases/secret.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "base/random_digits.h"

namespace probegate::broker {

std::string NewSecret() {
  auto digits = RandomDigits();
  if (!digits) std::abort();  // without randomness, it would be no secret
  return *std::move(digits);
}

std::string DigestOf(std::string_view secret) {
  const Sha256Digest digest = Sha256(secret);
  return std::string(digest.begin(), digest.end());
}

std::string NameOf(std::string_view digest) { return absl::BytesToHexString(absl::string_view(digest.data(), 8)); }

}  // namespace probegate::broker
