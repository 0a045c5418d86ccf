#include "base/one_line.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(OneLineTest, KeepsOrdinaryText) {
  EXPECT_EQ(OneLine("Zürich \xE2\x82\xAC \xF0\x9F\x94\xA7"), "Zürich \xE2\x82\xAC \xF0\x9F\x94\xA7");
}

TEST(OneLineTest, ReplacesControlCharactersAndInvalidUtf8) {
  EXPECT_EQ(OneLine("a\r\nb\x7F"), "a  b ");
  EXPECT_EQ(OneLine("\x80"
                    "a"),
            "?a");
  EXPECT_EQ(OneLine("\xC0\xAF"), "??") << "overlong";
  EXPECT_EQ(OneLine("\xED\xA0\x80"), "???") << "a surrogate";
  EXPECT_EQ(OneLine("\xF4\x90\x80\x80"), "????") << "beyond U+10FFFF";
  EXPECT_EQ(OneLine("\xE2\x82"), "??") << "cut off";
}

TEST(OneLineTest, ReplacesLineEndsAndBidirectionalControls) {
  EXPECT_EQ(OneLine("a\xC2\x85"
                    "b\xC2\x9B"
                    "c"),
            "a b c")
      << "C1";
  EXPECT_EQ(OneLine("a\u2028b\u2029c"), "a b c");
  EXPECT_EQ(OneLine("\u200Ea\u200Fb\u202Ac\u202Ed\u2066e\u2069"), " a b c d e ");
  EXPECT_EQ(OneLine("\u00A0\u200D\u2027\u202F\u2065\u206A"), "\u00A0\u200D\u2027\u202F\u2065\u206A");
}

TEST(OneLineTest, CutsBetweenCharacters) {
  EXPECT_EQ(OneLine("ab\xC3\xA4", 4), "ab\xC3\xA4");
  EXPECT_EQ(OneLine("ab\xC3\xA4", 3), "ab");
}

}  // namespace
}  // namespace probegate
