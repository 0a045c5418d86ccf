#include "access/jwk_set.h"

#include <rhonabwy.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "access/json_object.h"

namespace probegate {
namespace {

using nlohmann::json;

constexpr JwtAlgorithmRow kAlgorithms[] = {
    {JwtAlgorithm::kRs256, "RS256", "RSA", nullptr},
    {JwtAlgorithm::kEs256, "ES256", "EC", "P-256"},
    {JwtAlgorithm::kEdDsa, "EdDSA", "OKP", "Ed25519"},
};
constexpr size_t kMostKeys = 256;
constexpr unsigned int kFewestRsaBits = 2048;
constexpr unsigned int kMostRsaBits = 8192;  // a signature with a larger key takes milliseconds to check

struct FreeKey {
  void operator()(jwk_t* key) const { r_jwk_free(key); }
};
struct FreeSignature {
  void operator()(jws_t* jws) const { r_jws_free(jws); }
};
using KeyHandle = std::unique_ptr<jwk_t, FreeKey>;

const JwtAlgorithmRow& RowOf(JwtAlgorithm algorithm) {
  return *std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                       [algorithm](const JwtAlgorithmRow& row) { return row.algorithm == algorithm; });
}

KeyHandle Import(const std::string& jwk) {
  jwk_t* key = nullptr;
  if (r_jwk_init(&key) != RHN_OK) return nullptr;
  KeyHandle handle(key);
  return r_jwk_import_from_json_str(key, jwk.c_str()) == RHN_OK ? std::move(handle) : nullptr;
}

// The member `name`, if it is a text; otherwise an empty text.
std::string Member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The algorithm that `jwk` is for. Nothing if it is not for checking signatures, or for none that is accepted.
const JwtAlgorithmRow* AlgorithmOf(const json& jwk) {
  const auto fits = [&jwk](const JwtAlgorithmRow& row) {
    return Member(jwk, "kty") == row.kty && (row.curve == nullptr || Member(jwk, "crv") == row.curve);
  };
  const auto* const row = std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms), fits);
  if (row == std::end(kAlgorithms)) return nullptr;
  if (jwk.contains("alg") && Member(jwk, "alg") != row->name) return nullptr;
  if (jwk.contains("use") && Member(jwk, "use") != "sig") return nullptr;
  const auto operations = jwk.find("key_ops");
  if (operations != jwk.end()) {
    if (!operations->is_array()) return nullptr;
    if (std::find(operations->begin(), operations->end(), "verify") == operations->end()) return nullptr;
  }
  return row;
}

// Only what a public key consists of, so that nothing else in the key is used: no private part, no `x5u`.
std::string PublicPart(const json& jwk) {
  json key = json::object();
  for (const char* const name : {"kty", "crv", "n", "e", "x", "y"}) {
    if (const auto found = jwk.find(name); found != jwk.end()) key[name] = *found;
  }
  return key.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
}

bool IsUsable(const std::string& jwk, const JwtAlgorithmRow& row) {
  const KeyHandle key = Import(jwk);
  unsigned int bits = 0;
  if (key == nullptr) return false;
  const int type = r_jwk_key_type(key.get(), &bits, R_FLAG_IGNORE_REMOTE);
  if ((type & R_KEY_TYPE_PUBLIC) == 0) return false;
  return row.algorithm != JwtAlgorithm::kRs256 || (bits >= kFewestRsaBits && bits <= kMostRsaBits);
}

std::optional<JwkSet::Key> ReadKey(const json& jwk) {
  if (!jwk.is_object()) return std::nullopt;
  const JwtAlgorithmRow* const row = AlgorithmOf(jwk);
  if (row == nullptr) return std::nullopt;
  std::string key = PublicPart(jwk);
  if (!IsUsable(key, *row)) return std::nullopt;
  return JwkSet::Key{.kid = Member(jwk, "kid"), .algorithm = row->algorithm, .jwk = std::move(key)};
}

}  // namespace

const JwtAlgorithmRow* FindJwtAlgorithm(std::string_view name) {
  const auto* const row = std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                                       [name](const JwtAlgorithmRow& r) { return r.name == name; });
  return row == std::end(kAlgorithms) ? nullptr : row;
}

absl::StatusOr<JwkSet> JwkSet::Parse(std::string_view text) {
  const std::optional<json> object = ParseJsonObject(text);
  if (!object || !object->contains("keys") || !object->at("keys").is_array()) {
    return absl::InvalidArgumentError("not a JWK Set, which is a JSON object with the list `keys`");
  }
  const json& keys = object->at("keys");
  if (keys.size() > kMostKeys) {
    return absl::InvalidArgumentError("the JWK Set has more than " + std::to_string(kMostKeys) + " keys");
  }
  JwkSet set;
  for (const json& jwk : keys) {
    if (std::optional<Key> key = ReadKey(jwk)) set.keys_.push_back(*std::move(key));
  }
  if (set.keys_.empty()) {
    return absl::InvalidArgumentError("the JWK Set has no public key for RS256 (2048 to 8192 bits), ES256 or EdDSA");
  }
  return set;
}

const JwkSet::Key* JwkSet::Find(std::string_view kid, JwtAlgorithm algorithm) const {
  const Key* found = nullptr;
  for (const Key& key : keys_) {
    if (key.algorithm != algorithm || (!kid.empty() && key.kid != kid)) continue;
    if (found != nullptr) return nullptr;
    found = &key;
  }
  return found;
}

bool JwkSet::Has(std::string_view kid) const {
  return std::any_of(keys_.begin(), keys_.end(), [kid](const Key& key) { return key.kid == kid; });
}

absl::Status CheckSignature(std::string_view token, const JwkSet::Key& key) {
  const absl::Status invalid = absl::UnauthenticatedError("the token's signature is invalid");
  const KeyHandle handle = Import(key.jwk);
  jws_t* parsed = nullptr;
  if (handle == nullptr || r_jws_init(&parsed) != RHN_OK) return absl::InternalError("no memory for a JWS");
  const std::unique_ptr<jws_t, FreeSignature> jws(parsed);
  // R_PARSE_NONE: does not take keys from the token's header, or from where the header says that they are.
  if (r_jws_advanced_parsen(jws.get(), token.data(), token.size(), R_PARSE_NONE, R_FLAG_IGNORE_REMOTE) != RHN_OK) {
    return invalid;
  }
  if (r_jws_get_alg(jws.get()) != r_str_to_jwa_alg(RowOf(key.algorithm).name)) return invalid;
  return r_jws_verify_signature(jws.get(), handle.get(), R_FLAG_IGNORE_REMOTE) == RHN_OK ? absl::OkStatus() : invalid;
}

}  // namespace probegate
