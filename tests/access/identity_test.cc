#include "access/identity.h"

#include <string>

#include "gtest/gtest.h"

#include "base/printable.h"

namespace probegate {
namespace {

TEST(Identity, HasAShortText) {
  EXPECT_EQ(Identity{.proof = Proof::kLocal}.Text(), "local");
  EXPECT_EQ((Identity{.proof = Proof::kLocal, .name = "alice"}.Text()), "local:alice");
  EXPECT_EQ((Identity{.proof = Proof::kCertificate, .name = "ci.example"}.Text()), "certificate:ci.example");
  EXPECT_EQ((Identity{.proof = Proof::kToken, .name = "bench-1"}.Text()), "token:bench-1");
  EXPECT_EQ((Identity{.proof = Proof::kIssuer, .name = "me", .issuer = "https://issuer.example"}.Text()),
            "issuer:https://issuer.example:me");
  EXPECT_EQ((Identity{.proof = Proof::kAnonymous, .name = "10.0.0.7"}.Text()), "anonymous:10.0.0.7");
}

TEST(Identity, HasABoundedTextThatStaysUnambiguous) {
  const std::string long_name(kMaxName - 1, 'x');
  const std::string a = Identity{.proof = Proof::kCertificate, .name = long_name + "a"}.Text();
  const std::string b = Identity{.proof = Proof::kCertificate, .name = long_name + "b"}.Text();
  EXPECT_LE(a.size(), Identity::kMaxText);
  EXPECT_NE(a, b);
  EXPECT_TRUE(a.starts_with("certificate:xxx"));
}

TEST(Identity, StaysPrintableIfItsTextIsCut) {
  std::string name;
  while (name.size() < kMaxName - 2) name += "ä";
  for (const char* const before : {"", "a"}) {
    const std::string text = Identity{.proof = Proof::kToken, .name = before + name}.Text();
    EXPECT_LE(text.size(), Identity::kMaxText);
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(Identity, HasANameThatCanBeShown) {
  EXPECT_TRUE(IsUsableName("spiffe://lab.example/ci"));
  EXPECT_TRUE(IsUsableName("Zoë Müller"));
  EXPECT_FALSE(IsUsableName(""));
  EXPECT_FALSE(IsUsableName(std::string("admin\0.evil.example", 19)));
  EXPECT_FALSE(IsUsableName("two\nlines"));
  EXPECT_FALSE(IsUsableName("\xff"));
  EXPECT_FALSE(IsUsableName("\u202egnp.exe"));  // shown from right to left
  EXPECT_FALSE(IsUsableName(std::string(kMaxName + 1, 'x')));
}

}  // namespace
}  // namespace probegate
