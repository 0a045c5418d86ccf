#include "base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(CharacterLength, IsTheLengthOfTheFirstCharacter) {
  EXPECT_EQ(CharacterLength(std::string_view("\0b", 2)), 1U);
  EXPECT_EQ(CharacterLength("ab"), 1U);
  EXPECT_EQ(CharacterLength("\x7F"), 1U);
  EXPECT_EQ(CharacterLength("\xC3\xA4-"), 2U);
  EXPECT_EQ(CharacterLength("\xE2\x82\xAC-"), 3U);
  EXPECT_EQ(CharacterLength("\xF0\x9F\x94\xA7-"), 4U);
}

// The first and the last character of each row of Unicode's table 3-7.
TEST(CharacterLength, KnowsTheEndsOfEachRange) {
  for (const char* text : {"\xC2\x80", "\xDF\xBF"}) EXPECT_EQ(CharacterLength(text), 2U);
  for (const char* text : {"\xE0\xA0\x80", "\xE0\xBF\xBF", "\xE1\x80\x80", "\xEC\xBF\xBF", "\xED\x80\x80",
                           "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF"}) {
    EXPECT_EQ(CharacterLength(text), 3U);
  }
  for (const char* text : {"\xF0\x90\x80\x80", "\xF0\xBF\xBF\xBF", "\xF1\x80\x80\x80", "\xF3\xBF\xBF\xBF",
                           "\xF4\x80\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(CharacterLength(text), 4U);
  }
}

TEST(CharacterLength, IsZeroForInvalidUtf8) {
  EXPECT_EQ(CharacterLength(""), 0U);
  for (const char* text : {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_EQ(CharacterLength(text), 0U) << "not the beginning of a character";
  }
  for (const char* text : {"\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF"}) EXPECT_EQ(CharacterLength(text), 0U) << "overlong";
  for (const char* text : {"\xED\xA0\x80", "\xED\xBF\xBF"}) EXPECT_EQ(CharacterLength(text), 0U) << "a surrogate";
  EXPECT_EQ(CharacterLength("\xF4\x90\x80\x80"), 0U) << "beyond U+10FFFF";
}

TEST(CharacterLength, IsZeroForIncompleteOrBrokenCharacters) {
  for (const std::string whole : {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x94\xA7"}) {
    for (size_t length = 1; length < whole.size(); ++length) {
      EXPECT_EQ(CharacterLength(whole.substr(0, length)), 0U);
      std::string broken = whole;
      for (const char other : {'\0', 'a', '\x7F', '\xC0'}) {
        broken[length] = other;
        EXPECT_EQ(CharacterLength(broken), 0U);
      }
    }
  }
}

TEST(CharacterLength, AcceptsSurrogatesOnRequest) {
  for (const char* text : {"\xED\xA0\x80", "\xED\xAF\xBF", "\xED\xB0\x80", "\xED\xBF\xBF", "\xED\x9F\xBF"}) {
    EXPECT_EQ(CharacterLength(text, Surrogates::kAllowed), 3U);
  }
  for (const char* text : {"\xED\xA0", "\xED\xC0\x80", "\xED\xA0\xC0", "\xE0\x80\x80", "\xF4\x90\x80\x80", "\x80"}) {
    EXPECT_EQ(CharacterLength(text, Surrogates::kAllowed), 0U);
  }
}

TEST(CodePoint, IsTheInverseOfAppendUtf8) {
  // The first and the last character of each length, and those next to the surrogates.
  for (const char32_t code_point :
       {0x0U, 0x7FU, 0x80U, 0x7FFU, 0x800U, 0xD7FFU, 0xE000U, 0xFFFFU, 0x10000U, 0x10FFFFU}) {
    std::string text = "a";
    AppendUtf8(text, code_point);
    const std::string_view character = std::string_view(text).substr(1);
    EXPECT_EQ(CharacterLength(character), character.size());
    EXPECT_EQ(CodePoint(character), code_point);
  }
  for (const char32_t surrogate : {0xD800U, 0xDBFFU, 0xDC00U, 0xDFFFU}) {
    std::string text;
    AppendUtf8(text, surrogate);
    EXPECT_EQ(CharacterLength(text), 0U);
    EXPECT_EQ(CharacterLength(text, Surrogates::kAllowed), 3U);
    EXPECT_EQ(CodePoint(text), surrogate);
  }
}

}  // namespace
}  // namespace probegate
