#include "base/printable.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(Printable, LeavesTextAsItIs) {
  for (const char* text : {"", "a b\"\\", "\xC2\xA0\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x94\xA7"}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(Printable, EscapesControlCharacters) {
  EXPECT_EQ(Printable("a\x1b[2J\r\nb\x7f"), "a\\u001b[2J\\u000d\\u000ab\\u007f");
  EXPECT_EQ(Printable(std::string_view("\0", 1)), "\\u0000");
  // CSI as a single character, which terminals also interpret.
  EXPECT_EQ(Printable("\xC2\x9B"
                      "2J\xC2\x80"),
            "\\u009b2J\\u0080");
}

TEST(Printable, EscapesInvalidUtf8) {
  EXPECT_EQ(Printable("\x9b"
                      "2J"),
            "\\u009b2J");
  EXPECT_EQ(Printable("a\xC3"), "a\\u00c3");
  EXPECT_EQ(Printable("\xE2\x82\x1b"), "\\u00e2\\u0082\\u001b");
  EXPECT_EQ(Printable("\xC1\x9B\xFF"), "\\u00c1\\u009b\\u00ff");
  // ESC in three bytes, a surrogate, and a code point above U+10FFFF.
  EXPECT_EQ(Printable("\xE0\x80\x9B"), "\\u00e0\\u0080\\u009b");
  EXPECT_EQ(Printable("\xED\xA0\x80"), "\\u00ed\\u00a0\\u0080");
  EXPECT_EQ(Printable("\xF4\x90\x80\x80"), "\\u00f4\\u0090\\u0080\\u0080");
}

}  // namespace
}  // namespace probegate
