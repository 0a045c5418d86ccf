// Who callers are, and how they count.
#include "access/service/access_control.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/access/service/rules.h"

namespace probegate {
namespace {

using testing::HasSubstr;

const Peer kPeer{.address = "10.0.0.1:1000", .host = "10.0.0.1", .client = "10.0.0.1"};

Credentials Certificate(const std::string& name) {
  return {.protection = Protection::kTls, .client = kPeer.client, .certificate = CertificateNames{.dns = {name}}};
}

// Remembers who was turned away.
class Witness : public AccessControl::Observer {
 public:
  void OnUnauthenticated(const Peer& peer, const std::string& method, const absl::Status& why) override {
    seen += peer.address + " " + method + ": " + std::string(why.message()) + "\n";
  }
  void OnDenied(const Caller& caller, const std::string& probe, const Decision& decision, const Policy&) override {
    seen += caller.identity.Text() + " " + caller.method + " " + probe + ": " + decision.message + "\n";
  }
  std::string seen;
};

TEST(AccessControlTest, WithoutFilesCallersCountAsTheirAddresses) {
  AccessControl access;
  const auto certified = access.Identify(kPeer, Certificate("ci.example"));
  ASSERT_TRUE(certified.ok());
  EXPECT_EQ(certified->identity.Text(), "certificate:ci.example");
  EXPECT_EQ(certified->key, "10.0.0.1");
  EXPECT_EQ(certified->owner, "10.0.0.1");
}

TEST(AccessControlTest, WithoutFilesWhatIsWrongIsIgnored) {
  AccessControl access;
  for (const auto& credentials :
       {absl::StatusOr<Credentials>(Credentials{.protection = Protection::kClear, .client = "10.0.0.1", .token = "x"}),
        absl::StatusOr<Credentials>(absl::UnauthenticatedError("no bearer token"))}) {
    const auto caller = access.Identify(kPeer, credentials);
    ASSERT_TRUE(caller.ok()) << caller.status();
    EXPECT_EQ(caller->identity.Text(), "anonymous:10.0.0.1");
  }
}

TEST(AccessControlTest, ProvedIdentitiesCountAsThemselves) {
  AccessControl access(kRestricted, Rules("rules: []"));
  const auto caller = access.Identify(kPeer, Certificate("ci.example"));
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->key, "certificate:ci.example");
  EXPECT_EQ(caller->owner, "certificate:ci.example");
  const auto local = access.Identify(kPeer, Credentials{.protection = Protection::kLoopback});
  ASSERT_TRUE(local.ok());
  EXPECT_EQ(local->identity.Text(), "local");
  EXPECT_EQ(local->key, "10.0.0.1");
}

TEST(AccessControlTest, WithAnAccessFileCallersMustProveWhoTheyAre) {
  Witness witness;
  AccessControl::Settings settings = kRestricted;
  settings.observer = &witness;
  AccessControl access(settings, Rules("rules: []"));
  EXPECT_TRUE(absl::IsUnauthenticated(access.Identify(kPeer, Credentials{}, "/s/M").status()));
  EXPECT_THAT(witness.seen, HasSubstr("10.0.0.1:1000 /s/M: the client has not proved who it is"));
  EXPECT_TRUE(absl::IsUnauthenticated(
      access.Identify(kPeer, Credentials{.protection = Protection::kTls, .token = "x"}).status()));
}

TEST(AccessControlTest, AUsersNameIsLookedUpOnce) {
  int asked = 0;
  AccessControl::Settings settings = kRestricted;
  settings.authenticator.user_name = [&asked](uid_t) {
    ++asked;
    return std::optional<std::string>("alice");
  };
  AccessControl access(settings, Rules("rules: []"));
  for (int i = 0; i < 3; ++i) {
    const auto caller = access.Identify(kPeer, Credentials{.protection = Protection::kUnix, .uid = 1000});
    ASSERT_TRUE(caller.ok());
    EXPECT_EQ(caller->identity.Text(), "local:alice");
  }
  EXPECT_EQ(asked, 1);
}

TEST(AccessControlTest, AMethodTakesItsRight) {
  Witness witness;
  AccessControl::Settings settings = kRestricted;
  settings.observer = &witness;
  AccessControl access(settings, Rules("rules: [{who: {token: viewer}, may: [view]}]"));
  const auto check = [&access](const std::string& who, const std::string& method) {
    Caller caller = TokenCaller(who);
    caller.method = method;
    return access.CheckMethod(caller);
  };
  EXPECT_TRUE(check("viewer", "/test.Service/View").ok());
  EXPECT_TRUE(check("other", "/test.Service/Any").ok());
  EXPECT_TRUE(absl::IsPermissionDenied(check("viewer", "/test.Service/Use")));
  EXPECT_THAT(witness.seen, HasSubstr("token:viewer /test.Service/Use : token:viewer does not have the "
                                      "right `use` for any probe"));
  EXPECT_TRUE(absl::IsPermissionDenied(check("viewer", "/test.Service/New"))) << "it has no row";
}

TEST(AccessControlTest, RulesTakeEffectAtOnce) {
  AccessControl access(kRestricted, Rules("rules: [{who: {token: a}, probes: {uid: P1}, may: [use]}]"));
  EXPECT_TRUE(access.Check(TokenCaller("a"), Right::kUse, {.uid = "P1", .labels = {}}).ok());
  const absl::Status denied = access.Check(TokenCaller("a"), Right::kUse, {.uid = "P2", .labels = {}});
  EXPECT_EQ(denied.message(),
            "token:a does not have the right `use` for the probe P2; ask the administrator for a rule that gives it");
  access.SetCurrent(Rules("rules: [{who: {token: a}, may: [use]}]"));
  EXPECT_TRUE(access.Check(TokenCaller("a"), Right::kUse, {.uid = "P2", .labels = {}}).ok());
}

TEST(AccessControlTest, ASessionMayOutliveItsTokenByTheGrace) {
  absl::Time now = absl::FromUnixSeconds(1'000);
  AccessControl::Settings settings = kRestricted;
  settings.token_grace = std::chrono::seconds(60);
  settings.authenticator.clock = [&now] { return now; };
  const AccessControl access(settings, Rules("rules: []"));
  Caller caller = TokenCaller("a");
  caller.identity.expires = now + absl::Seconds(10);
  EXPECT_EQ(access.TimeLeft(caller), absl::Seconds(70));
  now += absl::Seconds(69);
  EXPECT_TRUE(access.CheckToken(caller).ok());
  now += absl::Seconds(1);
  const absl::Status expired = access.CheckToken(caller);
  EXPECT_TRUE(absl::IsUnauthenticated(expired));
  EXPECT_THAT(std::string(expired.message()), HasSubstr("the token of token:a expired at 1970-01-01T00:16:50+00:00"));
  caller.identity.proof = Proof::kCertificate;
  EXPECT_TRUE(access.CheckToken(caller).ok()) << "only tokens are short-lived";
}

TEST(AccessControlTest, WithoutAGraceSessionsGoOn) {
  const AccessControl access(kRestricted, Rules("rules: []"));
  Caller caller = TokenCaller("a");
  caller.identity.expires = absl::InfinitePast();
  EXPECT_EQ(access.TimeLeft(caller), absl::InfiniteDuration());
  EXPECT_TRUE(access.CheckToken(caller).ok());
}

TEST(AccessControlTest, ACallersLimitsAreThoseOfItsRules) {
  AccessControl access(
      kRestricted, Rules("rules: [{who: {certificate: '*.example'}, may: [view], limits: {uploads: 2, bytes: 10}}]"));
  const auto caller = access.Identify(kPeer, Certificate("ci.example"));
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->limits.uploads, 2u);
  EXPECT_EQ(caller->limits.bytes, 10u);
  EXPECT_EQ(caller->limits.connections, std::nullopt);
}

}  // namespace
}  // namespace probegate
