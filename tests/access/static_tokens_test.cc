#include "access/static_tokens.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "access/digest.h"
#include "access/new_token.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

std::string Line(const std::string& name, const std::string& secret) { return name + " " + Sha256Hex(secret); }

TEST(StaticTokens, AreFoundByTheirSecret) {
  const auto tokens =
      StaticTokens::Parse("# the lab\n\n" + Line("a", "first") + "\r\n  " + Line("b", "second") +
                              "  2027-01-01 # renewed\n" + Line("c", "third") + " 2027-01-01T12:00:00+01:00",
                          "tokens");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(tokens->size(), 3);
  ASSERT_NE(tokens->Find("first"), nullptr);
  EXPECT_EQ(tokens->Find("first")->name, "a");
  EXPECT_EQ(tokens->Find("first")->expires, absl::InfiniteFuture());
  ASSERT_NE(tokens->Find("second"), nullptr);
  EXPECT_EQ(tokens->Find("second")->expires, absl::FromUnixSeconds(1'798'761'600));
  ASSERT_NE(tokens->Find("third"), nullptr);
  EXPECT_EQ(tokens->Find("third")->expires, absl::FromUnixSeconds(1'798'761'600 + 11 * 3600));
  for (const char* const wrong : {"", "firs", "first ", "fourth"}) EXPECT_EQ(tokens->Find(wrong), nullptr);
}

TEST(StaticTokens, AreFoundInUpperCaseDigits) {
  std::string digits = Sha256Hex("first");
  for (char& digit : digits) digit = static_cast<char>(std::toupper(digit));
  const auto tokens = StaticTokens::Parse("a " + digits, "tokens");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_NE(tokens->Find("first"), nullptr);
}

TEST(StaticTokens, SayWhichLineIsWrong) {
  const std::string good = Line("a", "first") + "\n";
  const struct {
    std::string line;
    std::string why;
  } cases[] = {
      {"b", "a line must have"},
      {Line("b", "second") + " 2027-01-01 more", "a line must have"},
      {Line("b/c", "second"), "the name b/c must have"},
      {"b pgt_secret", "the second word must be the SHA-256 of the token"},
      {"b " + Sha256Hex("second").substr(1), "the second word must be the SHA-256 of the token"},
      {"b g" + Sha256Hex("second").substr(1), "the second word must be the SHA-256 of the token"},
      {Line("b", "second") + " tomorrow", "tomorrow is not a time"},
      {Line("b", "second") + " 2027-13-01", "2027-13-01 is not a time"},
      {Line("a", "second"), "the name a is already in line 1"},
      {Line("b", "first"), "the token of b is already in line 1"},
  };
  for (const auto& [line, why] : cases) {
    const auto tokens = StaticTokens::Parse(good + line + "\n", "/etc/tokens");
    EXPECT_EQ(tokens.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(tokens.status().message()), HasSubstr("/etc/tokens:2: " + why));
    EXPECT_THAT(std::string(tokens.status().message()), Not(HasSubstr("pgt_secret")));
  }
}

TEST(NewToken, IsFoundByItsLine) {
  const auto token = MakeToken("ci@lab");
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_THAT(token->secret, MatchesRegex("pgt_[A-Za-z0-9_-]{43}"));
  const auto tokens = StaticTokens::Parse(token->line, "tokens");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  ASSERT_NE(tokens->Find(token->secret), nullptr);
  EXPECT_EQ(tokens->Find(token->secret)->name, "ci@lab");
  EXPECT_THAT(token->line, Not(HasSubstr(token->secret)));
}

TEST(NewToken, MayExpire) {
  const absl::Time end = absl::FromUnixSeconds(1'800'000'000);
  const auto token = MakeToken("ci", end);
  ASSERT_TRUE(token.ok()) << token.status();
  const auto tokens = StaticTokens::Parse(token->line, "tokens");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(tokens->Find(token->secret)->expires, end);
}

TEST(NewToken, IsNeverTheSame) { EXPECT_NE(MakeToken("a")->secret, MakeToken("a")->secret); }

TEST(NewToken, NeedsAName) {
  for (const std::string& name : {std::string(), std::string("two words"), std::string("a#b"), std::string(65, 'x')}) {
    EXPECT_EQ(MakeToken(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

}  // namespace
}  // namespace probegate
