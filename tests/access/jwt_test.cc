#include "access/jwt.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "access/issuer_keys.h"
#include "access/jwk_set.h"
#include "tests/access/signing_key.h"

namespace probegate {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kIssuer[] = "https://issuer.example";
constexpr char kOther[] = "https://other.example";
constexpr int64_t kNow = 1'800'000'000;

absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(seconds); }

// Generated once, because RSA takes a while.
const SigningKey& Rsa() {
  static const auto* const key = new SigningKey(SigningKey::Type::kRsa, "rsa");
  return *key;
}
const SigningKey& P256() {
  static const auto* const key = new SigningKey(SigningKey::Type::kP256, "p256");
  return *key;
}
const SigningKey& Ed25519() {
  static const auto* const key = new SigningKey(SigningKey::Type::kEd25519, "ed");
  return *key;
}

json Claims() { return {{"iss", kIssuer}, {"sub", "repo:acme/firmware"}, {"aud", "probegate"}, {"exp", kNow + 300}}; }
json Without(json claims, const char* name) {
  claims.erase(name);
  return claims;
}
json With(json claims, const char* name, const json& value) {
  claims[name] = value;
  return claims;
}

JwtVerifier::Issuer IssuerWith(const std::string& name, const json& keys) {
  auto set = JwkSet::Parse(json{{"keys", keys}}.dump());
  EXPECT_TRUE(set.ok()) << set.status();
  return {.settings = {.issuer = name, .audiences = {"probegate", "probegate-lab"}, .jwks = "/keys"},
          .keys = std::make_shared<FixedKeys>(*std::move(set))};
}

const JwtVerifier& Verifier() {
  static const auto* const verifier =
      new JwtVerifier({IssuerWith(kIssuer, {Rsa().Jwk(), P256().Jwk(), Ed25519().Jwk()}),
                       IssuerWith(kOther, json::array({SigningKey(SigningKey::Type::kP256, "p256").Jwk()}))});
  return *verifier;
}

// Why the token is refused; empty if it is not.
std::string Refusal(const std::string& token, int64_t now = kNow) {
  const auto identity = Verifier().Verify(token, At(now));
  if (identity.ok()) return "";
  EXPECT_EQ(identity.status().code(), absl::StatusCode::kUnauthenticated);
  return std::string(identity.status().message());
}

TEST(Jwt, IsAcceptedWithEachAlgorithm) {
  for (const SigningKey* const key : {&Rsa(), &P256(), &Ed25519()}) {
    const auto identity = Verifier().Verify(key->Token(Claims()), At(kNow));
    ASSERT_TRUE(identity.ok()) << key->Algorithm() << ": " << identity.status();
    EXPECT_EQ(identity->proof, Proof::kIssuer);
    EXPECT_EQ(identity->Text(), "issuer:https://issuer.example:repo:acme/firmware");
    EXPECT_EQ(identity->expires, At(kNow + 300));
    EXPECT_THAT(identity->claims.at("aud"), ElementsAre("probegate"));
  }
}

TEST(Jwt, IsRefusedWithoutAValidSignature) {
  for (const SigningKey* const key : {&Rsa(), &P256(), &Ed25519()}) {
    const std::string token = key->Token(Claims());
    const std::string signature = token.substr(token.rfind('.') + 1);
    const std::string forged = key->Token(With(Claims(), "sub", "repo:evil/firmware"));
    EXPECT_THAT(Refusal(forged.substr(0, forged.rfind('.') + 1) + signature), HasSubstr("signature"));
    EXPECT_THAT(Refusal(token.substr(0, token.rfind('.') + 1)), HasSubstr("signature"));
    EXPECT_THAT(Refusal(token.substr(0, token.rfind('.') + 1) + "AAAA"), HasSubstr("signature"));
  }
}

TEST(Jwt, IsRefusedIfUnsigned) {
  const json header = {{"alg", "none"}, {"kid", "rsa"}};
  EXPECT_THAT(Refusal(Base64Url(header.dump()) + "." + Base64Url(Claims().dump()) + "."), HasSubstr("RS256"));
  for (const char* const name : {"None", "NONE", "nOnE", ""}) {
    EXPECT_THAT(Refusal(Rsa().Token({{"alg", name}, {"kid", "rsa"}}, Claims())), HasSubstr("RS256")) << name;
  }
  EXPECT_THAT(Refusal(Rsa().Token({{"kid", "rsa"}}, Claims())), HasSubstr("RS256"));
}

TEST(Jwt, IsRefusedWithHmacOfThePublicKey) {
  for (const std::string& key : {Rsa().Pem(), Rsa().Jwk().dump(), Rsa().Jwk()["n"].get<std::string>()}) {
    EXPECT_THAT(Refusal(HmacToken(Claims(), "rsa", key)), HasSubstr("RS256"));
  }
}

TEST(Jwt, IsRefusedWithAnotherAlgorithmThanItsKey) {
  EXPECT_THAT(Refusal(Rsa().Token({{"alg", "ES256"}, {"kid", "rsa"}}, Claims())), HasSubstr("ES256"));
  EXPECT_THAT(Refusal(Rsa().Token({{"alg", "ES256"}, {"kid", "p256"}}, Claims())), HasSubstr("signature"));
  EXPECT_THAT(Refusal(P256().Token({{"alg", "RS256"}, {"kid", "p256"}}, Claims())), HasSubstr("RS256"));
  EXPECT_THAT(Refusal(Ed25519().Token({{"alg", "RS256"}, {"kid", "rsa"}}, Claims())), HasSubstr("signature"));
  for (const char* const name : {"PS256", "RS512", "ES384", "ES256K", "HS512"}) {
    EXPECT_THAT(Refusal(Rsa().Token({{"alg", name}, {"kid", "rsa"}}, Claims())), HasSubstr("RS256")) << name;
  }
}

TEST(Jwt, IsRefusedWithAKeyOfItsOwn) {
  const SigningKey evil(SigningKey::Type::kP256, "evil");
  json header = evil.Header();
  header["jwk"] = evil.Jwk();
  EXPECT_THAT(Refusal(evil.Token(header, Claims())), HasSubstr("key"));
  header["kid"] = "p256";
  EXPECT_THAT(Refusal(evil.Token(header, Claims())), HasSubstr("signature"));
  header.erase("kid");
  EXPECT_THAT(Refusal(evil.Token(header, Claims())), HasSubstr("signature"));
}

TEST(Jwt, IsRefusedWithWhatItsHeaderDemands) {
  for (const char* const name : {"crit", "b64", "zip", "enc"}) {
    json header = Rsa().Header();
    header[name] = json::array({"exp"});
    EXPECT_THAT(Refusal(Rsa().Token(header, Claims())), HasSubstr(name));
  }
}

TEST(Jwt, MustBeForThisServer) {
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "aud", "another"))), HasSubstr("audience"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "aud", json::array({"another", "probegate2"})))),
              HasSubstr("audience"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "aud", json::array()))), HasSubstr("audience"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "aud", 7))), HasSubstr("audience"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "aud", json{{"probegate", "probegate"}}))), HasSubstr("audience"));
  EXPECT_EQ(Refusal(Rsa().Token(With(Claims(), "aud", json::array({"another", "probegate-lab"})))), "");
}

TEST(Jwt, IsValidUntilAMinuteAfterItsEnd) {
  const std::string token = Rsa().Token(With(Claims(), "exp", kNow));
  EXPECT_EQ(Refusal(token, kNow + 59), "");
  EXPECT_THAT(Refusal(token, kNow + 60), HasSubstr("expired at 2027-01-15T08:00:00"));
}

TEST(Jwt, IsValidFromAMinuteBeforeItsBeginning) {
  const std::string token = Rsa().Token(With(Claims(), "nbf", kNow + 60));
  EXPECT_EQ(Refusal(token, kNow), "");
  EXPECT_THAT(Refusal(token, kNow - 1), HasSubstr("becomes valid at"));
}

TEST(Jwt, MustHaveTimesThatAreNumbers) {
  for (const json& value : {json("1900000000"), json(-1), json(1e300), json(true), json(nullptr), json::array({1})}) {
    EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "exp", value))), HasSubstr("`exp`")) << value;
    EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "nbf", value))), HasSubstr("`nbf`")) << value;
  }
  EXPECT_EQ(Refusal(Rsa().Token(With(Claims(), "exp", kNow + 0.5))), "");
}

TEST(Jwt, MustHaveAllClaims) {
  EXPECT_THAT(Refusal(Rsa().Token(Without(Claims(), "iss"))), HasSubstr("`iss`"));
  EXPECT_THAT(Refusal(Rsa().Token(Without(Claims(), "sub"))), HasSubstr("`sub`"));
  EXPECT_THAT(Refusal(Rsa().Token(Without(Claims(), "aud"))), HasSubstr("`aud`"));
  EXPECT_THAT(Refusal(Rsa().Token(Without(Claims(), "exp"))), HasSubstr("`exp`"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "sub", ""))), HasSubstr("`sub`"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "sub", "two\nlines"))), HasSubstr("`sub`"));
}

TEST(Jwt, MustBeSignedByTheIssuerThatItNames) {
  const std::string token = P256().Token(With(Claims(), "iss", kOther));
  EXPECT_THAT(Refusal(token), HasSubstr("signature"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "iss", "https://issuer.example/"))), HasSubstr("issuer"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "iss", json::array({kIssuer})))), HasSubstr("`iss`"));
}

TEST(Jwt, MayNameNoKeyIfOnlyOneFits) {
  EXPECT_EQ(Refusal(Rsa().Token({{"alg", "RS256"}}, Claims())), "");
  const SigningKey first(SigningKey::Type::kP256, "1");
  const SigningKey second(SigningKey::Type::kP256, "2");
  const JwtVerifier verifier({IssuerWith(kIssuer, {first.Jwk(), second.Jwk()})});
  EXPECT_TRUE(verifier.Verify(second.Token(Claims()), At(kNow)).ok());
  EXPECT_FALSE(verifier.Verify(second.Token({{"alg", "ES256"}}, Claims()), At(kNow)).ok());
}

TEST(Jwt, IsRefusedWithAnUnknownKey) {
  EXPECT_THAT(Refusal(Rsa().Token({{"alg", "RS256"}, {"kid", "old"}}, Claims())), HasSubstr("key"));
  for (const json& kid : {json(""), json(7), json(nullptr), json(std::string(257, 'k'))}) {
    EXPECT_THAT(Refusal(Rsa().Token({{"alg", "RS256"}, {"kid", kid}}, Claims())), HasSubstr("`kid`"));
  }
}

TEST(Jwt, IsRefusedIfItIsLong) {
  EXPECT_THAT(Refusal(std::string(1 << 20, 'a')), HasSubstr("longer than 16384 bytes"));
  EXPECT_THAT(Refusal(Rsa().Token(With(Claims(), "pad", std::string(1 << 20, 'a')))), HasSubstr("longer than"));
  EXPECT_EQ(Refusal(Rsa().Token(With(Claims(), "pad", std::string(8'000, 'a')))), "");
}

TEST(Jwt, IsRefusedIfItIsNoJwt) {
  const std::string token = Rsa().Token(Claims());
  for (const std::string& text : {std::string(), std::string("."), std::string(".."), std::string("..."),
                                  std::string("a.b"), std::string("a.b.c"), token + ".", " " + token, token + "=",
                                  token.substr(token.find('.')), std::string("\0.\0.\0", 5)}) {
    EXPECT_THAT(Refusal(text), Not(testing::IsEmpty())) << text;
  }
}

TEST(Jwt, IsRefusedWithAMemberTwice) {
  const std::string header = Rsa().Header().dump();
  const std::string claims = Claims().dump();
  EXPECT_THAT(Refusal(Rsa().TokenOfTexts(R"({"alg":"none",)" + header.substr(1), claims)), HasSubstr("header"));
  EXPECT_THAT(Refusal(Rsa().TokenOfTexts(header, R"({"sub":"admin",)" + claims.substr(1))), HasSubstr("claims"));
  EXPECT_EQ(Refusal(Rsa().TokenOfTexts(header, claims)), "");
}

TEST(Jwt, IsRefusedWithNestingThatIsDeep) {
  const std::string deep = R"({"a":)" + std::string(5'000, '[') + std::string(5'000, ']') + "}";
  EXPECT_THAT(Refusal(Rsa().TokenOfTexts(Rsa().Header().dump(), deep)), HasSubstr("claims"));
}

TEST(Jwt, IsNotQuotedInMessages) {
  const std::string token = Rsa().Token(With(Claims(), "aud", "another"));
  EXPECT_THAT(Refusal(token), Not(HasSubstr(token.substr(token.rfind('.') + 1, 8))));
}

}  // namespace
}  // namespace probegate
