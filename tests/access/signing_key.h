// A key pair of an issuer of JWTs, and the tokens that it signs. Made with OpenSSL rather than with the library that
// checks them, so that an error of one is not hidden by the same error of the other.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace probegate {

class SigningKey {
 public:
  enum class Type : uint8_t { kRsa, kP256, kEd25519 };

  // `bits` is for RSA.
  SigningKey(Type type, std::string kid, unsigned bits = 2048);

  // The public key as a JWK (RFC 7517), with `kid` if it is not empty.
  nlohmann::json Jwk() const;
  // A JWK Set of this key.
  std::string Jwks() const;
  // The public key in PEM.
  std::string Pem() const;

  // `alg` that fits the key.
  std::string Algorithm() const;
  nlohmann::json Header() const { return {{"alg", Algorithm()}, {"typ", "JWT"}, {"kid", kid_}}; }

  // A JWT with the header and claims given, signed with this key whatever the header says.
  std::string Token(const nlohmann::json& header, const nlohmann::json& claims) const;
  std::string Token(const nlohmann::json& claims) const { return Token(Header(), claims); }
  // As Token, for texts that may not be JSON.
  std::string TokenOfTexts(const std::string& header, const std::string& claims) const;

  EVP_PKEY* key() const { return key_.get(); }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  std::string Sign(const std::string& text) const;

  const Type type_;
  const std::string kid_;
  const std::unique_ptr<EVP_PKEY, Free> key_;
};

// base64url without padding (RFC 4648, §5).
std::string Base64Url(std::string_view bytes);

// A token with the "signature" HMAC-SHA-256 of `key`: what an attacker makes who knows the public key.
std::string HmacToken(const nlohmann::json& claims, const std::string& kid, const std::string& key);

}  // namespace probegate
