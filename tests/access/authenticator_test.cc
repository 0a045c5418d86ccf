#include "access/authenticator.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "access/digest.h"
#include "access/jwk_set.h"
#include "tests/access/signing_key.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

const SigningKey& Key() {
  static const auto* const key = new SigningKey(SigningKey::Type::kEd25519, "k");
  return *key;
}

AccessSnapshot Snapshot() {
  const std::string tokens = "bench-1 " + Sha256Hex("pgt_good") + "\nold " + Sha256Hex("pgt_old") + " 2027-01-15\n";
  const JwtVerifier::Issuer issuer{.settings = {.issuer = "https://a", .audiences = {"x"}, .jwks = "/k"},
                                   .keys = std::make_shared<FixedKeys>(*JwkSet::Parse(Key().Jwks()))};
  return {.policy = Policy::AllowAll(),
          .tokens = std::make_shared<const StaticTokens>(*StaticTokens::Parse(tokens, "tokens")),
          .jwts = std::make_shared<const JwtVerifier>(std::vector{issuer})};
}

std::string Jwt(const std::string& audience) {
  return Key().Token({{"iss", "https://a"}, {"sub", "job"}, {"aud", audience}, {"exp", 1'800'000'100}});
}

absl::StatusOr<Identity> Identify(const Credentials& credentials, bool allow_anonymous = false) {
  const Authenticator authenticator({.allow_anonymous = allow_anonymous,
                                     .clock = [] { return kNow; },
                                     .user_name = [](uid_t uid) -> std::optional<std::string> {
                                       if (uid == 1000) return "alice";
                                       return std::nullopt;
                                     }});
  return authenticator.Identify(Snapshot(), credentials);
}

// The identity as text, or the error.
std::string Found(const Credentials& credentials, bool allow_anonymous = false) {
  const auto identity = Identify(credentials, allow_anonymous);
  if (identity.ok()) return identity->Text();
  EXPECT_EQ(identity.status().code(), absl::StatusCode::kUnauthenticated);
  return std::string(identity.status().message());
}

constexpr Protection kProtected[] = {Protection::kTls, Protection::kUnix, Protection::kLoopback};

TEST(Authenticator, TakesAStaticToken) {
  for (const Protection protection : kProtected) {
    EXPECT_EQ(Found({.protection = protection, .token = "pgt_good"}), "token:bench-1");
  }
  EXPECT_THAT(Found({.protection = Protection::kTls, .token = "pgt_old"}),
              HasSubstr("the token old expired at 2027-01-15"));
}

TEST(Authenticator, TakesAJwt) {
  EXPECT_EQ(Found({.protection = Protection::kTls, .token = Jwt("x")}), "issuer:https://a:job");
  EXPECT_THAT(Found({.protection = Protection::kTls, .token = Jwt("y")}), HasSubstr("audience"));
}

TEST(Authenticator, RefusesAWrongTokenWhateverElseThereIs) {
  for (const std::string& token : {std::string(), std::string("pgt_wrong"), std::string("a.b.c"), Jwt("y")}) {
    const Credentials credentials{.protection = Protection::kTls,
                                  .uid = 1000,
                                  .certificate = CertificateNames{.common_name = "ci"},
                                  .token = token};
    EXPECT_FALSE(Identify(credentials, /*allow_anonymous=*/true).ok()) << token;
  }
}

TEST(Authenticator, RefusesTokensInTheClear) {
  const std::string why = Found({.protection = Protection::kClear, .token = "pgt_good"}, /*allow_anonymous=*/true);
  EXPECT_THAT(why, HasSubstr("in the clear"));
  EXPECT_THAT(why, Not(HasSubstr("pgt_good")));
}

TEST(Authenticator, DoesNotParseATokenThatIsLong) {
  EXPECT_THAT(Found({.protection = Protection::kTls, .token = std::string(1 << 20, '.')}),
              HasSubstr("longer than 16384"));
}

TEST(Authenticator, PrefersTheTokenToTheCertificate) {
  EXPECT_EQ(
      Found(
          {.protection = Protection::kTls, .certificate = CertificateNames{.common_name = "ci"}, .token = "pgt_good"}),
      "token:bench-1");
}

TEST(Authenticator, TakesTheFirstNameOfACertificate) {
  CertificateNames names{.uris = {"https://x.example", "spiffe://lab/ci"},
                         .dns = {"CI.example", "b.example"},
                         .emails = {"ci@lab.example"},
                         .common_name = "Bench",
                         .not_after = kNow};
  const auto found = [&names] { return Found({.protection = Protection::kTls, .certificate = names}); };
  EXPECT_EQ(found(), "certificate:spiffe://lab/ci");
  names.uris.pop_back();
  EXPECT_EQ(found(), "certificate:ci.example");
  names.dns.clear();
  EXPECT_EQ(found(), "certificate:ci@lab.example");
  names.emails.clear();
  EXPECT_EQ(found(), "certificate:Bench");
  EXPECT_EQ(Identify({.protection = Protection::kTls, .certificate = names})->expires, kNow);
}

TEST(Authenticator, RefusesACertificateWithoutAUsableName) {
  EXPECT_THAT(Found({.protection = Protection::kTls, .certificate = CertificateNames{}}, true),
              HasSubstr("no usable name"));
  EXPECT_THAT(Found({.protection = Protection::kTls, .certificate = CertificateNames{.common_name = "a\nb"}}),
              HasSubstr("no usable name"));
  EXPECT_THAT(Found({.protection = Protection::kTls,
                     .certificate = CertificateNames{.uris = {"spiffe://a/b", "spiffe://a/c"}}}),
              HasSubstr("more than one SPIFFE ID"));
}

TEST(Authenticator, KnowsUsersOfThisMachine) {
  for (const Protection protection : {Protection::kUnix, Protection::kLoopback}) {
    EXPECT_EQ(Found({.protection = protection, .uid = 1000}), "local:alice");
    EXPECT_EQ(Found({.protection = protection, .uid = 1001}), "local:#1001");
    EXPECT_EQ(Found({.protection = protection}), "local");
  }
  EXPECT_THAT(Found({.protection = Protection::kClear, .uid = 1000}), HasSubstr("has not proved"));
}

TEST(Authenticator, LetsTheProgramDecideOnAnonymousClients) {
  for (const Protection protection : {Protection::kClear, Protection::kTls}) {
    EXPECT_THAT(Found({.protection = protection, .client = "10.0.0.7"}), HasSubstr("has not proved who it is"));
    EXPECT_EQ(Found({.protection = protection, .client = "10.0.0.7"}, true), "anonymous:10.0.0.7");
  }
}

TEST(Authenticator, KnowsTheNamesOfTheSystem) {
  EXPECT_EQ(UserName(0), "root");
  EXPECT_EQ(UserName(4'000'000'000U), std::nullopt);
}

TEST(BearerToken, IsReadFromTheMetadata) {
  EXPECT_EQ(*BearerToken("Bearer abc"), "abc");
  EXPECT_EQ(*BearerToken("bEARER  abc"), "abc");
  for (const char* const value : {"", "Bearer", "Bearer ", "abc", "Basic abc", "Bearerabc", " Bearer abc"}) {
    EXPECT_EQ(BearerToken(value).status().code(), absl::StatusCode::kUnauthenticated) << value;
    EXPECT_THAT(std::string(BearerToken(value).status().message()), Not(HasSubstr("abc")));
  }
}

}  // namespace
}  // namespace probegate
