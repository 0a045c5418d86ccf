#include "access/glob.h"

#include <string>

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(Glob, MatchesAllOfTheText) {
  EXPECT_TRUE(MatchesGlob("ci.example", "ci.example"));
  EXPECT_FALSE(MatchesGlob("ci.example", "ci.example.evil"));
  EXPECT_FALSE(MatchesGlob("ci.example", "x.ci.example"));
  EXPECT_FALSE(MatchesGlob("ci.example", "ci_example"));
  EXPECT_TRUE(MatchesGlob("", ""));
  EXPECT_FALSE(MatchesGlob("", "a"));
  EXPECT_FALSE(MatchesGlob("a", ""));
}

TEST(Glob, HasTwoSpecialCharacters) {
  EXPECT_TRUE(MatchesGlob("*", ""));
  EXPECT_TRUE(MatchesGlob("*.ci.example", "a.b.ci.example"));
  EXPECT_FALSE(MatchesGlob("*.ci.example", "ci.example"));
  EXPECT_TRUE(MatchesGlob("refs/heads/*", "refs/heads/feature/x"));
  EXPECT_TRUE(MatchesGlob("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(MatchesGlob("a*b*c", "a-c-b"));
  EXPECT_TRUE(MatchesGlob("bench-?", "bench-1"));
  EXPECT_FALSE(MatchesGlob("bench-?", "bench-"));
  EXPECT_FALSE(MatchesGlob("bench-?", "bench-12"));
  EXPECT_TRUE(MatchesGlob("**", "x"));
  EXPECT_FALSE(MatchesGlob("[ab]", "a"));
}

TEST(Glob, DoesNotEndAtANulByte) {
  EXPECT_FALSE(MatchesGlob("admin", std::string("admin\0.evil", 11)));
  EXPECT_TRUE(MatchesGlob("admin*", std::string("admin\0.evil", 11)));
}

TEST(Glob, MayIgnoreCase) {
  EXPECT_FALSE(MatchesGlob("NRF*", "nrf52840"));
  EXPECT_TRUE(MatchesGlob("NRF*", "nrf52840", Case::kIgnored));
}

// An exponential algorithm would not end.
TEST(Glob, TakesPatternsWithManyStars) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(2'000, 'a')));
}

}  // namespace
}  // namespace probegate
