#include "access/jwk_set.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/access/signing_key.h"

namespace probegate {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json Ec(const std::string& kid) { return SigningKey(SigningKey::Type::kP256, kid).Jwk(); }

json With(json jwk, const char* name, const json& value) {
  jwk[name] = value;
  return jwk;
}

absl::StatusOr<JwkSet> SetOf(const json& keys) { return JwkSet::Parse(json{{"keys", keys}}.dump()); }

TEST(JwkSet, FindsAKeyByIdAndAlgorithm) {
  const auto set = SetOf({Ec("a"), Ec("b"), SigningKey(SigningKey::Type::kEd25519, "a").Jwk()});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_TRUE(set->Has("a"));
  EXPECT_FALSE(set->Has("c"));
  ASSERT_NE(set->Find("a", JwtAlgorithm::kEs256), nullptr);
  EXPECT_EQ(set->Find("a", JwtAlgorithm::kEs256)->algorithm, JwtAlgorithm::kEs256);
  EXPECT_EQ(set->Find("a", JwtAlgorithm::kRs256), nullptr);
  EXPECT_EQ(set->Find("", JwtAlgorithm::kEs256), nullptr);  // ambiguous
  EXPECT_NE(set->Find("", JwtAlgorithm::kEdDsa), nullptr);
}

TEST(JwkSet, LeavesOutKeysForOtherThings) {
  const json unusable[] = {
      {{"kty", "oct"}, {"k", "c2VjcmV0c2VjcmV0c2VjcmV0"}, {"kid", "x"}},
      With(Ec("x"), "use", "enc"),
      With(Ec("x"), "alg", "ES384"),
      With(Ec("x"), "alg", "HS256"),
      With(Ec("x"), "key_ops", json::array({"encrypt"})),
      With(Ec("x"), "key_ops", "verify"),
      With(Ec("x"), "crv", "P-384"),
      With(Ec("x"), "kty", "RSA"),
      With(Ec("x"), "x", 7),
      SigningKey(SigningKey::Type::kRsa, "x", 1024).Jwk(),
      json("not a key"),
      json::object(),
  };
  for (const json& jwk : unusable) {
    const auto set = SetOf({Ec("good"), jwk});
    ASSERT_TRUE(set.ok()) << jwk << set.status();
    EXPECT_TRUE(set->Has("good")) << jwk;
    EXPECT_FALSE(set->Has("x")) << jwk;
  }
}

TEST(JwkSet, TakesKeysThatSayWhatTheyAreFor) {
  json jwk = With(With(Ec("x"), "use", "sig"), "alg", "ES256");
  jwk["key_ops"] = json::array({"verify"});
  const auto set = SetOf(json::array({jwk}));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_TRUE(set->Has("x"));
}

TEST(JwkSet, ForgetsThePrivatePart) {
  const auto set = SetOf(json::array({With(Ec("x"), "d", "c2VjcmV0")}));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->Find("x", JwtAlgorithm::kEs256)->jwk, Not(HasSubstr("c2VjcmV0")));
}

TEST(JwkSet, IsInvalidWithoutAUsableKey) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"keys": 7})"),
        std::string(R"({"keys": []})"), std::string(R"({"keys": [{"kty": "oct"}]})"), std::string(R"({"keys": [)")}) {
    EXPECT_EQ(JwkSet::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(SetOf(json(std::vector<json>(257, json::object()))).ok());
}

}  // namespace
}  // namespace probegate
