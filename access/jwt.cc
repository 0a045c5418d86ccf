#include "access/jwt.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "access/claims.h"
#include "access/json_object.h"
#include "access/jwk_set.h"
#include "base/one_line.h"

namespace probegate {
namespace {

using nlohmann::json;

constexpr size_t kMostKid = 256;          // bytes
constexpr size_t kShown = 200;            // bytes of a value that a message quotes
constexpr double kLatest = 253402300799;  // seconds since 1970: the end of the year 9999

// Members of the header that change how the rest is to be read. No issuer of ID tokens needs them.
constexpr const char* kRefusedMembers[] = {"crit", "b64", "zip", "enc"};

absl::Status Refuse(const std::string& why) { return absl::UnauthenticatedError("the token is not valid: " + why); }

std::string Show(absl::Time time) { return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone()); }

struct Header {
  const JwtAlgorithmRow* algorithm = nullptr;
  std::string kid;  // empty: none
};

absl::StatusOr<Header> ReadHeader(std::string_view part) {
  const std::optional<std::string> text = DecodeBase64Url(part);
  const std::optional<json> object = text ? ParseJsonObject(*text) : std::nullopt;
  if (!object) return Refuse("its header is not a JSON object in base64url");
  for (const char* const name : kRefusedMembers) {
    if (object->contains(name)) return Refuse(std::string("its header has `") + name + "`, which is not supported");
  }
  Header header;
  const auto algorithm = object->find("alg");
  if (algorithm != object->end() && algorithm->is_string()) {
    header.algorithm = FindJwtAlgorithm(algorithm->get_ref<const std::string&>());
  }
  if (header.algorithm == nullptr) return Refuse("it is not signed with RS256, ES256 or EdDSA");
  if (const auto kid = object->find("kid"); kid != object->end()) {
    if (!kid->is_string() || kid->get_ref<const std::string&>().empty() ||
        kid->get_ref<const std::string&>().size() > kMostKid) {
      return Refuse("`kid` in its header is not a text of 1 to " + std::to_string(kMostKid) + " bytes");
    }
    header.kid = kid->get<std::string>();
  }
  return header;
}

// The claim `name`, if it is a text; otherwise nothing.
std::optional<std::string> Text(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

// The claim `name`, seconds since 1970 (NumericDate). Nothing if it is missing; an error if it is not such a number.
absl::StatusOr<std::optional<absl::Time>> Time(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::nullopt;
  const double seconds = found->is_number() ? found->get<double>() : -1;
  if (seconds < 0 || seconds > kLatest) return Refuse(std::string("`") + name + "` is not a time");
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

bool IsFor(const json& claims, const std::vector<std::string>& audiences) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  const auto wanted = [&audiences](const json& audience) {
    return audience.is_string() &&
           std::find(audiences.begin(), audiences.end(), audience.get_ref<const std::string&>()) != audiences.end();
  };
  return found->is_array() ? std::any_of(found->begin(), found->end(), wanted) : wanted(*found);
}

// Checks everything of the claims but `iss`, and makes the identity of them.
absl::StatusOr<Identity> CheckClaims(const json& claims, const IssuerSettings& issuer, absl::Time now) {
  const std::optional<std::string> subject = Text(claims, "sub");
  if (!subject) return Refuse("it has no `sub`");
  if (!IsUsableName(*subject)) return Refuse("`sub` is not a text that can be shown");
  if (!IsFor(claims, issuer.audiences)) {
    return Refuse("its audience (`aud`) is not that of this server, which is " + issuer.audiences.front());
  }
  const auto expires = Time(claims, "exp");
  if (!expires.ok()) return expires.status();
  if (!*expires) return Refuse("it has no `exp`");
  if (now >= **expires + JwtVerifier::kLeeway) return Refuse("it expired at " + Show(**expires));
  const auto begins = Time(claims, "nbf");
  if (!begins.ok()) return begins.status();
  if (*begins && now < **begins - JwtVerifier::kLeeway) return Refuse("it becomes valid at " + Show(**begins));
  return Identity{.proof = Proof::kIssuer,
                  .name = *subject,
                  .issuer = issuer.issuer,
                  .claims = ReadClaims(claims),
                  .expires = **expires};
}

}  // namespace

absl::StatusOr<Identity> JwtVerifier::Verify(std::string_view token, absl::Time now) const {
  if (token.size() > kMaxToken) return Refuse("it is longer than " + std::to_string(kMaxToken) + " bytes");
  if (!LooksLikeJwt(token)) return Refuse("it does not have three parts with a dot between them");
  const size_t first = token.find('.');
  const size_t second = token.rfind('.');
  const auto header = ReadHeader(token.substr(0, first));
  if (!header.ok()) return header.status();
  const std::optional<std::string> payload = DecodeBase64Url(token.substr(first + 1, second - first - 1));
  const std::optional<json> claims = payload ? ParseJsonObject(*payload) : std::nullopt;
  if (!claims) return Refuse("its claims are not a JSON object in base64url");
  // The library would also take padding and line breaks, and then a token could be written in several ways.
  if (!DecodeBase64Url(token.substr(second + 1))) return Refuse("its signature is not base64url");
  const std::optional<std::string> name = Text(*claims, "iss");
  if (!name) return Refuse("it has no `iss`");
  const Issuer* const issuer = Find(*name);
  if (issuer == nullptr) return Refuse("its issuer " + OneLine(*name, kShown) + " is not one of this server's");
  const auto keys = issuer->keys->Get(header->kid);
  if (!keys.ok()) return keys.status();
  const JwkSet::Key* const key = (*keys)->Find(header->kid, header->algorithm->algorithm);
  if (key == nullptr) {
    return Refuse(std::string("its issuer does not have exactly one key for ") + header->algorithm->name +
                  (header->kid.empty() ? ", and the token has no `kid`" : " with the token's `kid`"));
  }
  if (absl::Status status = CheckSignature(token, *key); !status.ok()) return status;
  return CheckClaims(*claims, issuer->settings, now);
}

const JwtVerifier::Issuer* JwtVerifier::Find(std::string_view issuer) const {
  const auto found =
      std::find_if(issuers_.begin(), issuers_.end(), [issuer](const Issuer& i) { return i.settings.issuer == issuer; });
  return found == issuers_.end() ? nullptr : &*found;
}

bool LooksLikeJwt(std::string_view token) { return std::count(token.begin(), token.end(), '.') == 2; }

}  // namespace probegate
