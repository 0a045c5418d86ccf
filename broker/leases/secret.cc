#include "broker/leases/secret.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/escaping.h"

namespace probegate::broker {

std::string NewSecret() {
  std::array<char, kSecretLength / 2> bytes;
  // For so few bytes, short reads and failures do not happen once the system is up. Without randomness, it would be no
  // secret.
  ssize_t got = 0;
  do {
    got = getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) std::abort();
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

std::string DigestOf(std::string_view secret) {
  const Sha256Digest digest = Sha256(secret);
  return std::string(digest.begin(), digest.end());
}

std::string NameOf(std::string_view digest) { return absl::BytesToHexString(absl::string_view(digest.data(), 8)); }

}  // namespace probegate::broker
