#include "access/authenticator.h"

#include <pwd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"

namespace probegate {
namespace {

constexpr size_t kUserEntry = 16'384;  // bytes of an entry of the system's list of users

absl::Status Refuse(const std::string& why) { return absl::UnauthenticatedError(why); }

// The name that counts. Empty if there is none; an error if the names contradict each other.
absl::StatusOr<std::string> NameIn(const CertificateNames& certificate) {
  std::vector<std::string> spiffe;
  std::copy_if(certificate.uris.begin(), certificate.uris.end(), std::back_inserter(spiffe),
               [](const std::string& uri) { return uri.starts_with("spiffe://"); });
  if (spiffe.size() > 1) return Refuse("the client certificate has more than one SPIFFE ID; it must have one");
  if (!spiffe.empty()) return spiffe.front();
  if (!certificate.dns.empty()) return absl::AsciiStrToLower(certificate.dns.front());
  if (!certificate.emails.empty()) return certificate.emails.front();
  return certificate.common_name;
}

absl::StatusOr<Identity> FromCertificate(const CertificateNames& certificate) {
  auto name = NameIn(certificate);
  if (!name.ok()) return name.status();
  if (!IsUsableName(*name)) {
    return Refuse("the client certificate has no usable name; it needs a SPIFFE ID, a DNS name, an e-mail address or " +
                  std::string("a common name of printable characters"));
  }
  return Identity{.proof = Proof::kCertificate, .name = *std::move(name), .expires = certificate.not_after};
}

}  // namespace

std::optional<std::string> UserName(uid_t uid) {
  std::vector<char> buffer(kUserEntry);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return std::nullopt;
  return std::string(found->pw_name);
}

absl::StatusOr<Identity> Authenticator::Identify(const AccessSnapshot& access, const Credentials& credentials) const {
  if (credentials.token) {
    if (credentials.protection == Protection::kClear) {
      return Refuse(
          "a bearer token was sent in the clear, and is not accepted; use TLS, and replace the token, which " +
          std::string("others may have read"));
    }
    return FromToken(access, *credentials.token);
  }
  if (credentials.certificate) return FromCertificate(*credentials.certificate);
  if (credentials.protection == Protection::kLoopback || credentials.protection == Protection::kUnix) {
    return FromUser(credentials.uid);
  }
  if (settings_.allow_anonymous) return Identity{.proof = Proof::kAnonymous, .name = credentials.client};
  return Refuse("the client has not proved who it is; give it a client certificate (--tls-cert, --tls-key) or a token");
}

absl::StatusOr<Identity> Authenticator::FromToken(const AccessSnapshot& access, const std::string& token) const {
  const absl::Time now = settings_.clock();
  if (token.size() > JwtVerifier::kMaxToken) {
    return Refuse("the token is longer than " + std::to_string(JwtVerifier::kMaxToken) + " bytes");
  }
  if (const StaticTokens::Token* const known = access.tokens->Find(token)) {
    if (now < known->expires) {
      return Identity{.proof = Proof::kToken, .name = known->name, .expires = known->expires};
    }
    return Refuse("the token " + known->name + " expired at " +
                  absl::FormatTime(absl::RFC3339_sec, known->expires, absl::UTCTimeZone()));
  }
  if (LooksLikeJwt(token)) return access.jwts->Verify(token, now);
  return Refuse("the server does not know the token");
}

Identity Authenticator::FromUser(std::optional<uid_t> uid) const {
  Identity identity{.proof = Proof::kLocal};
  if (!uid) return identity;
  const std::optional<std::string> name = settings_.user_name(*uid);
  identity.name = name && IsUsableName(*name) ? *name : "#" + std::to_string(*uid);
  return identity;
}

}  // namespace probegate
