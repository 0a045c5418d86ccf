#include "tests/access/signing_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"

namespace probegate {
namespace {

using nlohmann::json;

constexpr size_t kP256Bytes = 32;

void Require(bool condition) {
  if (!condition) std::abort();
}

EVP_PKEY* Generate(SigningKey::Type type, unsigned bits) {
  switch (type) {
    case SigningKey::Type::kRsa:
      return EVP_RSA_gen(bits);
    case SigningKey::Type::kP256:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    case SigningKey::Type::kEd25519:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return nullptr;
}

// A number of the public key, in base64url; with `bytes` bytes, or as few as it needs if that is 0.
std::string Number(EVP_PKEY* key, const char* name, size_t bytes = 0) {
  BIGNUM* number = nullptr;
  Require(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  std::string text(bytes > 0 ? bytes : static_cast<size_t>(BN_num_bytes(number)), '\0');
  Require(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(text.size())) >= 0);
  BN_free(number);
  return Base64Url(text);
}

// The signature as JWS wants it (RFC 7518, 3.4): both numbers, in 32 bytes each.
std::string RawEcdsa(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* const signature = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size()));
  Require(signature != nullptr);
  std::string raw(2 * kP256Bytes, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, kP256Bytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + kP256Bytes, kP256Bytes);
  ECDSA_SIG_free(signature);
  return raw;
}

}  // namespace

SigningKey::SigningKey(Type type, std::string kid, unsigned bits)
    : type_(type), kid_(std::move(kid)), key_(Generate(type, bits)) {
  Require(key_ != nullptr);
}

json SigningKey::Jwk() const {
  json jwk = json::object();
  if (!kid_.empty()) jwk["kid"] = kid_;
  if (type_ == Type::kRsa) {
    jwk["kty"] = "RSA";
    jwk["n"] = Number(key(), OSSL_PKEY_PARAM_RSA_N);
    jwk["e"] = Number(key(), OSSL_PKEY_PARAM_RSA_E);
  } else if (type_ == Type::kP256) {
    jwk["kty"] = "EC";
    jwk["crv"] = "P-256";
    jwk["x"] = Number(key(), OSSL_PKEY_PARAM_EC_PUB_X, kP256Bytes);
    jwk["y"] = Number(key(), OSSL_PKEY_PARAM_EC_PUB_Y, kP256Bytes);
  } else {
    std::string raw(32, '\0');
    size_t size = raw.size();
    Require(EVP_PKEY_get_raw_public_key(key(), reinterpret_cast<unsigned char*>(raw.data()), &size) == 1);
    jwk["kty"] = "OKP";
    jwk["crv"] = "Ed25519";
    jwk["x"] = Base64Url(raw);
  }
  return jwk;
}

std::string SigningKey::Jwks() const { return json{{"keys", {Jwk()}}}.dump(); }

std::string SigningKey::Pem() const {
  BIO* const out = BIO_new(BIO_s_mem());
  Require(PEM_write_bio_PUBKEY(out, key()) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  std::string pem(bytes, static_cast<size_t>(size));
  BIO_free(out);
  return pem;
}

std::string SigningKey::Algorithm() const {
  return type_ == Type::kRsa ? "RS256" : type_ == Type::kP256 ? "ES256" : "EdDSA";
}

std::string SigningKey::Token(const json& header, const json& claims) const {
  return TokenOfTexts(header.dump(), claims.dump());
}

std::string SigningKey::TokenOfTexts(const std::string& header, const std::string& claims) const {
  const std::string text = Base64Url(header) + "." + Base64Url(claims);
  return text + "." + Base64Url(Sign(text));
}

std::string SigningKey::Sign(const std::string& text) const {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const EVP_MD* const digest = type_ == Type::kEd25519 ? nullptr : EVP_sha256();
  Require(EVP_DigestSignInit(context, nullptr, digest, nullptr, key()) == 1);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  Require(EVP_DigestSign(context, nullptr, &size, bytes, text.size()) == 1);
  std::string signature(size, '\0');
  Require(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return type_ == Type::kP256 ? RawEcdsa(signature) : signature;
}

std::string Base64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

std::string HmacToken(const json& claims, const std::string& kid, const std::string& key) {
  const json header = {{"alg", "HS256"}, {"kid", kid}};
  const std::string text = Base64Url(header.dump()) + "." + Base64Url(claims.dump());
  unsigned char mac[32];
  unsigned int size = sizeof mac;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), mac, &size);
  return text + "." + Base64Url(std::string_view(reinterpret_cast<const char*>(mac), size));
}

}  // namespace probegate
