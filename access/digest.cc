#include "access/digest.h"

#include <openssl/evp.h>

#include <cstdlib>

#include "absl/strings/escaping.h"

namespace probegate {
namespace {

constexpr size_t kShortDigits = 12;

}  // namespace

Sha256Digest Sha256(std::string_view bytes) {
  Sha256Digest digest{};
  // Fails only if OpenSSL has no memory left or no SHA-256. A digest that is wrong must not be compared with anything.
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) std::abort();
  return digest;
}

std::string Sha256Hex(std::string_view bytes) {
  const Sha256Digest digest = Sha256(bytes);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::string ShortDigest(std::string_view bytes) { return Sha256Hex(bytes).substr(0, kShortDigits); }

}  // namespace probegate
