#include "access/policy.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "access/policy_reader.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kRules[] = R"(
issuers:
  - {issuer: "https://a", audience: x, jwks: /k}
  - {issuer: "https://b", audience: x, jwks: /k}
rules:
  - name: benches
    who: {token: "bench-*"}
    probes: {board: [nrf52840dk, "frdm-*"]}
    may: [view, use]
    limits: {sessions: 4, bytes: 100}
  - who: {token: bench-1}
    may: [view, kick]
    limits: {sessions: 2, bytes: 200, uploads: 7}
  - who: {issuer: "https://a", claims: {repository: acme/firmware, ref: ["refs/heads/*", "refs/tags/*"]}}
    probes: {uid: "SECRET-*"}
    may: [view]
  - who: {certificate: gateway.example}
    may: gateway
  - who: {local: "*"}
    may: admin
)";

const Policy& Rules() {
  static const auto* const policy = new auto(*ReadPolicy(kRules, "access.yaml"));
  return **policy;
}

Identity Token(const std::string& name) { return {.proof = Proof::kToken, .name = name}; }
Identity Job(const std::string& issuer, const Claims& claims) {
  return {.proof = Proof::kIssuer, .name = "job", .issuer = issuer, .claims = claims};
}

const ProbeNames kNordic{.uid = "N1", .labels = {{"board", "nRF52840DK"}, {"rack", "3"}}};
const ProbeNames kOtherProbe{.uid = "secret-1", .labels = {{"board", "stm32"}}};

std::vector<std::string> RightsOf(const Identity& identity, const ProbeNames& probe) {
  std::vector<std::string> texts;
  for (const GrantedRight& granted : Rules().RightsOf(identity, probe)) {
    texts.push_back(std::string(RowOf(granted.right).name) + " by " + granted.rule);
  }
  return texts;
}

TEST(Policy, GivesRightsForTheProbesOfARule) {
  EXPECT_TRUE(Rules().Decide(Token("bench-2"), Right::kUse, kNordic).allowed);
  EXPECT_FALSE(Rules().Decide(Token("bench-2"), Right::kUse, kOtherProbe).allowed);
  EXPECT_FALSE(Rules().Decide(Token("bench-2"), Right::kUse, {.uid = "X", .labels = {}}).allowed);
  EXPECT_FALSE(Rules().Decide(Token("bench-2"), Right::kDebug, kNordic).allowed);
  EXPECT_FALSE(Rules().Decide(Token("other"), Right::kView, kNordic).allowed);
}

TEST(Policy, AddsUpTheRightsOfRules) {
  EXPECT_THAT(RightsOf(Token("bench-1"), kNordic),
              ElementsAre("view by benches (line 6)", "use by benches (line 6)", "kick by line 11"));
  EXPECT_THAT(RightsOf(Token("bench-1"), kOtherProbe), ElementsAre("view by line 11", "kick by line 11"));
}

TEST(Policy, TakesTheLargestLimitOfRules) {
  const Limits limits = Rules().LimitsOf(Token("bench-1"));
  EXPECT_EQ(limits.sessions, 4);
  EXPECT_EQ(limits.bytes, 200);
  EXPECT_EQ(limits.uploads, 7);
  EXPECT_EQ(limits.connections, std::nullopt);
  EXPECT_EQ(Rules().LimitsOf(Token("bench-2")).sessions, 4);
  EXPECT_EQ(Rules().LimitsOf(Token("other")).sessions, std::nullopt);
}

TEST(Policy, NeedsTheSameProof) {
  for (const Proof proof : {Proof::kAnonymous, Proof::kLocal, Proof::kCertificate, Proof::kIssuer}) {
    EXPECT_FALSE(Rules().Decide({.proof = proof, .name = "bench-1"}, Right::kUse, kNordic).allowed) << ProofName(proof);
  }
}

TEST(Policy, NeedsAllClaimsOfARule) {
  const Claims good = {{"repository", {"acme/firmware"}}, {"ref", {"refs/heads/main"}}};
  EXPECT_TRUE(Rules().Decide(Job("https://a", good), Right::kView, kOtherProbe).allowed);
  EXPECT_FALSE(Rules().Decide(Job("https://b", good), Right::kView, kOtherProbe).allowed);
  const Claims missing = {{"repository", {"acme/firmware"}}};
  EXPECT_FALSE(Rules().Decide(Job("https://a", missing), Right::kView, kOtherProbe).allowed);
  const Claims wrong = {{"repository", {"acme/firmware"}}, {"ref", {"refs/pull/1/merge"}}};
  EXPECT_FALSE(Rules().Decide(Job("https://a", wrong), Right::kView, kOtherProbe).allowed);
  const Claims several = {{"repository", {"acme/other", "acme/firmware"}}, {"ref", {"refs/tags/1"}}};
  EXPECT_TRUE(Rules().Decide(Job("https://a", several), Right::kView, kOtherProbe).allowed);
}

TEST(Policy, GivesRightsThatAreNotAboutAProbe) {
  const Identity gateway{.proof = Proof::kCertificate, .name = "gateway.example"};
  EXPECT_TRUE(Rules().Decide(gateway, Right::kGateway).allowed);
  EXPECT_FALSE(Rules().Decide(gateway, Right::kAdmin).allowed);
  EXPECT_TRUE(Rules().Decide({.proof = Proof::kLocal}, Right::kAdmin).allowed);
  EXPECT_TRUE(Rules().Decide(Token("bench-2"), Right::kUse).allowed);
  EXPECT_FALSE(Rules().Decide(Token("bench-2"), Right::kKick).allowed);
}

TEST(Policy, SaysWhoLacksWhichRightForWhichProbe) {
  const Decision decision = Rules().Decide(Token("bench-2"), Right::kDebug, {.uid = "no such\nprobe", .labels = {}});
  EXPECT_EQ(decision.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(decision.message, HasSubstr("token:bench-2 does not have the right `debug` for the probe no such probe"));
  for (const char* const secret : {"SECRET", "nrf52840dk", "line", "benches"}) {
    EXPECT_THAT(decision.message, Not(HasSubstr(secret)));
  }
  EXPECT_THAT(Rules().Decide(Token("bench-2"), Right::kAdmin).message, HasSubstr("the right `admin`;"));
}

TEST(Policy, GivesAnonymousClientsNothing) {
  EXPECT_THAT(RightsOf({.proof = Proof::kAnonymous, .name = "10.0.0.7"}, kNordic), IsEmpty());
}

TEST(Policy, AllowsEverythingWithoutAFile) {
  const auto policy = Policy::AllowAll();
  EXPECT_EQ(policy->RightsOf({.proof = Proof::kAnonymous}, kNordic).size(), Rights().size());
  EXPECT_TRUE(policy->Decide({}, Right::kGateway).allowed);
  EXPECT_TRUE(policy->Decide({}, Right::kGateway).status().ok());
  EXPECT_EQ(policy->version(), "none");
}

TEST(Rights, HaveARowEach) {
  for (size_t i = 0; i < Rights().size(); ++i) {
    const RightRow& row = Rights()[i];
    EXPECT_EQ(static_cast<size_t>(row.right), i);
    EXPECT_EQ(FindRight(row.name), &row);
    EXPECT_EQ(&RowOf(row.right), &row);
    EXPECT_FALSE(row.meaning.empty());
  }
  EXPECT_EQ(FindRight("everything"), nullptr);
  EXPECT_EQ(Rights().back().right, Right::kServe);
}

}  // namespace
}  // namespace probegate
