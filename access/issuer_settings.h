// An issuer of JWTs that a server trusts: an entry of `issuers` in the access file.
#pragma once

#include <string>
#include <vector>

namespace probegate {

struct IssuerSettings {
  std::string issuer;                  // `iss` of its tokens, exactly
  std::vector<std::string> audiences;  // a token must have one of them in `aud`
  std::string jwks;                    // where its keys are: an absolute path, or an https or http URL
  std::string jwks_ca;                 // a PEM file with the CAs for an https URL; empty: those of the system
  std::string jwks_token;              // a file with the bearer token to send to the URL; empty: none

  bool operator==(const IssuerSettings&) const = default;
};

// Whether `jwks` is a URL rather than a file.
inline bool IsUrl(const std::string& jwks) { return jwks.starts_with("https://") || jwks.starts_with("http://"); }

}  // namespace probegate
