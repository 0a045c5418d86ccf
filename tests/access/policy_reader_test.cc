#include "access/policy_reader.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "access/digest.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Wrong(const std::string& text) {
  const auto policy = ReadPolicy(text, "access.yaml");
  if (policy.ok()) return "";
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(policy.status().message());
}

TEST(PolicyReader, ReadsTheExample) {
  const auto policy = ReadPolicy(AccessFileExample(), "access.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ((*policy)->version(), Sha256Hex(AccessFileExample()).substr(0, 12));
  ASSERT_EQ((*policy)->issuers().size(), 1);
  EXPECT_EQ((*policy)->issuers()[0].issuer, "https://token.actions.githubusercontent.com");
  EXPECT_THAT((*policy)->issuers()[0].audiences, ElementsAre("probegate"));
  const Identity ci{.proof = Proof::kCertificate, .name = "a.ci.example"};
  const Decision decision = (*policy)->Decide(ci, Right::kUse, {.uid = "1", .labels = {{"board", "nrf52840dk"}}});
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.rule, "ci machines (line 6)");
  EXPECT_EQ((*policy)->LimitsOf(ci).sessions, 4);
}

TEST(PolicyReader, ReadsEverything) {
  const auto policy = ReadPolicy(R"(
issuers:
  - {issuer: "https://a", audience: [x, y], jwks: /keys.json}
  - {issuer: "https://b", audience: x, jwks: "https://b/keys", jwks-ca: /ca.pem, jwks-token: /token}
  - {issuer: "https://c", audience: x, jwks: "http://127.0.0.1:8001/keys"}
rules:
  - who: {issuer: ["https://a", "https://b"], claims: {ref: [main, "release/*"]}}
    probes: {uid: ["A*", B], board: x}
    may: view
    limits: {sessions: 1, connections: 2, uploads: 3, bytes: 4, lock-seconds: 5}
)",
                                 "access.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ((*policy)->issuers()[1].jwks_ca, "/ca.pem");
  EXPECT_EQ((*policy)->issuers()[1].jwks_token, "/token");
  const Identity identity{
      .proof = Proof::kIssuer, .name = "me", .issuer = "https://b", .claims = {{"ref", {"release/1"}}}};
  const Limits limits = (*policy)->LimitsOf(identity);
  EXPECT_EQ(limits.sessions, 1);
  EXPECT_EQ(limits.connections, 2);
  EXPECT_EQ(limits.uploads, 3);
  EXPECT_EQ(limits.bytes, 4);
  EXPECT_EQ(limits.lock_seconds, 5);
}

TEST(PolicyReader, DeniesEverythingWithoutRules) {
  const auto policy = ReadPolicy("rules: []\n", "access.yaml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_FALSE((*policy)->Decide({.proof = Proof::kLocal}, Right::kView).allowed);
}

// Each access file, and the complaint that it must cause.
TEST(PolicyReader, SaysWhichLineIsWrong) {
  const struct {
    const char* text;
    const char* complaint;
  } cases[] = {
      {"", "access.yaml:1: an access file must be a map"},
      {"[]", "access.yaml:1: an access file must be a map"},
      {"rules", "access.yaml:1: an access file must be a map"},
      {"rules:\n", "access.yaml:1: \"rules\" must have a value"},
      {"issuers: []\n", "access.yaml:1: an access file must have the key rules"},
      {"rules: []\nrule: []\n", "access.yaml:2: unknown key: \"rule\"; the known keys are issuers, rules"},
      {"rules: []\nrules: []\n", "access.yaml:2: an access file has the key \"rules\" twice"},
      {"rules: []\n---\nrules: []\n", "access.yaml:2: there is something after the end of the document"},
      {"rules: []\n...\nrules: []\n", "there is something after the end of the document"},
      {"{rules: []} x\n", "access.yaml:1: there is something after the end of the document"},
      {",,,", "access.yaml:1: there is something after the end of the document"},
      {"rules:\n  - who: {local: x\n", "access.yaml:3: "},
      {"rules: {}\n", "access.yaml:1: rules must be a list"},
      {"rules:\n  - x\n", "access.yaml:2: a rule must be a map"},
      {"rules:\n  - who: {local: x}\n", "access.yaml:2: a rule must have the key may"},
      {"rules:\n  - may: view\n", "access.yaml:2: a rule must have the key who"},
      {"rules:\n  - who: {local: x}\n    mai: view\n",
       "access.yaml:3: unknown key in a rule: \"mai\"; the known keys are name, who, probes, may, limits"},
      {"rules:\n  - who: {local: x}\n    may: [view,\n      veiw]\n", "access.yaml:3: unknown right: \"veiw\""},
      {"rules:\n  - who: {local: x}\n    may: []\n", "access.yaml:3: may must not be an empty list"},
      {"rules:\n  - who: {local: x}\n    may: [[view]]\n", "access.yaml:3: may must be a text"},
      {"rules:\n  - who: {}\n    may: view\n", "access.yaml:2: who must have one of"},
      {"rules:\n  - who: {user: x}\n    may: view\n", "access.yaml:2: unknown key in who: \"user\""},
      {"rules:\n  - who: {local: x, token: y}\n    may: view\n", "access.yaml:2: who must have only one of"},
      {"rules:\n  - who: {local: x, claims: {a: b}}\n    may: view\n", "access.yaml:2: claims are only for"},
      {"rules:\n  - who: {issuer: \"https://a\"}\n    may: view\n",
       "access.yaml:2: the issuer \"https://a\" is not in"},
      {"rules:\n  - who: {local: x}\n    may: view\n    probes: {}\n", "access.yaml:4: probes must not be empty"},
      {"rules:\n  - who: {local: x}\n    may: view\n    probes: {board: {a: b}}\n",
       "access.yaml:4: board must be a text"},
      {"rules:\n  - who: {local: x}\n    may: [view, admin]\n    probes: {board: x}\n",
       "access.yaml:3: the right admin is not about single probes"},
      {"rules:\n  - who: {local: x}\n    may: view\n    limits: {session: 1}\n",
       "access.yaml:4: unknown limit: \"session\""},
      {"rules:\n  - who: {local: x}\n    may: view\n    limits: {sessions: -1}\n",
       "access.yaml:4: sessions: \"-1\" is not"},
      {"rules:\n  - who: {local: x}\n    may: view\n    limits: {lock-seconds: 31536001}\n",
       "access.yaml:4: lock-seconds: at most 31536000 is allowed"},
      {"rules:\n  - who: {local: x}\n    may: view\n    limits: {lease-seconds: 31536001}\n",
       "access.yaml:4: lease-seconds: at most 31536000 is allowed"},
      {"issuers:\n  - {issuer: a, audience: b}\nrules: []\n", "access.yaml:2: an issuer must have the key jwks"},
      {"issuers:\n  - {issuer: a, jwks: /k}\nrules: []\n", "access.yaml:2: an issuer must have the key audience"},
      {"issuers:\n  - {audience: a, jwks: /k}\nrules: []\n", "access.yaml:2: an issuer must have the key issuer"},
      {"issuers:\n  - {issuer: a, audience: b, jwks: k}\nrules: []\n", "access.yaml:2: jwks: \"k\" is not an absolute"},
      {"issuers:\n  - {issuer: a, audience: b, jwks: \"http://keys.example/k\"}\nrules: []\n", "access.yaml:2: jwks: "},
      {"issuers:\n  - {issuer: a, audience: b, jwks: \"https://u:p@keys.example/k\"}\nrules: []\n",
       "access.yaml:2: jwks: "},
      {"issuers:\n  - {issuer: a, audience: b, jwks: \"ftp://keys.example/k\"}\nrules: []\n", "access.yaml:2: jwks: "},
      {"issuers:\n  - {issuer: a, audience: b, jwks: /k}\n  - {issuer: a, audience: b, jwks: /k}\nrules: []\n",
       "access.yaml:3: the issuers \"a\" and \"a\" must not"},
      {"issuers:\n  - {issuer: \"a:b\", audience: b, jwks: /k}\n  - {issuer: a, audience: b, jwks: /k}\nrules: []\n",
       "access.yaml:3: the issuers \"a\" and \"a:b\" must not"},
  };
  for (const auto& [text, complaint] : cases) EXPECT_THAT(Wrong(text), HasSubstr(complaint)) << text;
}

TEST(PolicyReader, DoesNotTakeAnEndlessFile) {
  EXPECT_THAT(Wrong("rules: []\n#" + std::string(kMostAccessFile, ' ')), HasSubstr("longer than 1 MiB"));
}

}  // namespace
}  // namespace probegate
