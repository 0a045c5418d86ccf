// Feeds arbitrary bytes to the check of JWTs: as a token, as the header or the claims of a token with a valid
// signature, and as a JWK Set. The first byte chooses.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "access/issuer_keys.h"
#include "access/jwk_set.h"
#include "access/jwt.h"
#include "tests/access/signing_key.h"

namespace probegate {
namespace {

constexpr char kIssuer[] = "https://issuer.example";

void Require(bool condition) {
  if (!condition) std::abort();
}

// Signs nothing, so no token of its issuer is valid.
const SigningKey& SigningNothing() {
  static const auto* const key = new SigningKey(SigningKey::Type::kEd25519, "k");
  return *key;
}

// Signs whatever the fuzzer makes, so that the claims are read.
const SigningKey& SigningAnything() {
  static const auto* const key = new SigningKey(SigningKey::Type::kEd25519, "any");
  return *key;
}

JwtVerifier VerifierWith(const SigningKey& key) {
  return JwtVerifier({{.settings = {.issuer = kIssuer, .audiences = {"x"}, .jwks = "/keys"},
                       .keys = std::make_shared<FixedKeys>(*JwkSet::Parse(key.Jwks()))}});
}

void CheckIdentity(const absl::StatusOr<Identity>& identity) {
  if (!identity.ok()) return;
  Require(identity->proof == Proof::kIssuer && identity->issuer == kIssuer);
  Require(IsUsableName(identity->name) && identity->Text().size() <= Identity::kMaxText);
}

}  // namespace
}  // namespace probegate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace probegate;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  static const auto* const unknown = new JwtVerifier(VerifierWith(SigningNothing()));
  static const auto* const signing = new JwtVerifier(VerifierWith(SigningAnything()));
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      Require(!unknown->Verify(text, now).ok());
      break;
    case 1:
      CheckIdentity(signing->Verify(SigningAnything().TokenOfTexts(R"({"alg":"EdDSA","kid":"any"})", text), now));
      break;
    case 2:
      CheckIdentity(signing->Verify(SigningAnything().TokenOfTexts(text, R"({"iss":"https://issuer.example"})"), now));
      break;
    default:
      (void)JwkSet::Parse(text);
  }
  return 0;
}
