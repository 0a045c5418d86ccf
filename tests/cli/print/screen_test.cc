#include "cli/print/screen.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(Cut, KeepsWhatFits) { EXPECT_EQ(Cut("one\ntwo\n", 3, 2), "one\ntwo\n"); }

TEST(Cut, EndsLongLines) { EXPECT_EQ(Cut("abcdef\nxy\n", 4, 9), "abcd\nxy\n"); }

TEST(Cut, DropsTheLinesBelow) { EXPECT_EQ(Cut("1\n2\n3\n", 9, 2), "1\n2\n"); }

TEST(Cut, NeverWithinACharacter) {
  EXPECT_EQ(Cut("\xC3\xA4\xC3\xB6\xC3\xBC\n", 2, 1), "\xC3\xA4\xC3\xB6\n");
  EXPECT_EQ(Cut("\xE2\x82\xAC", 1, 1), "\xE2\x82\xAC");
}

TEST(Columns, CountsCharacters) {
  EXPECT_EQ(Columns(""), 0u);
  EXPECT_EQ(Columns("ab"), 2u);
  EXPECT_EQ(Columns("a\xC3\xA4\xE2\x82\xAC"), 3u);
}

}  // namespace
}  // namespace probegate
