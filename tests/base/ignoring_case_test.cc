#include "base/ignoring_case.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(EqualsIgnoringCase, Equals) {
  EXPECT_TRUE(EqualsIgnoringCase("00AbCz", "00aBcZ"));
  EXPECT_TRUE(EqualsIgnoringCase("", ""));
  EXPECT_FALSE(EqualsIgnoringCase("ab", "abc"));
  EXPECT_FALSE(EqualsIgnoringCase("abc", "ab"));
  // These differ by 0x20, as upper- and lower-case letters do, but are not letters.
  EXPECT_FALSE(EqualsIgnoringCase("@[", "`{"));
  EXPECT_FALSE(EqualsIgnoringCase("\xC3\x84", "\xC3\xA4"));
}

TEST(ContainsIgnoringCase, Contains) {
  EXPECT_TRUE(ContainsIgnoringCase("00AbCd", "aBc"));
  EXPECT_TRUE(ContainsIgnoringCase("00AbCd", "00aBcD"));
  EXPECT_TRUE(ContainsIgnoringCase("x", ""));
  EXPECT_TRUE(ContainsIgnoringCase("", ""));
  EXPECT_FALSE(ContainsIgnoringCase("ab", "abc"));
  EXPECT_FALSE(ContainsIgnoringCase("abd", "bc"));
  EXPECT_FALSE(ContainsIgnoringCase("x@y", "`"));
}

}  // namespace
}  // namespace probegate
