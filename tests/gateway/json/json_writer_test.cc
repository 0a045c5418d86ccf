#include "gateway/json/json_writer.h"

#include <gtest/gtest.h>

#include "tests/gateway/json/malformed_utf8.h"

namespace probegate {
namespace {

std::string Written(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

TEST(AppendJsonString, ReplacesEachByteOfMalformedUtf8) {
  for (const MalformedUtf8& malformed : kMalformedUtf8) {
    std::string replaced;
    for (size_t i = 0; i < malformed.bytes.size(); ++i) replaced += "\\ufffd";
    EXPECT_EQ(Written(malformed.bytes), '"' + replaced + '"') << malformed.what;
    EXPECT_EQ(Written("a" + std::string(malformed.bytes) + "b"), "\"a" + replaced + "b\"") << malformed.what;
  }
  EXPECT_EQ(Written("\xFF\xC3"), R"("\ufffd\ufffd")");
}

TEST(AppendJsonString, EscapesTheEndsOfEachRange) {
  EXPECT_EQ(Written("\xC2\x80\xDF\xBF"), R"("\u0080\u07ff")");
  EXPECT_EQ(Written("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"), R"("\u0800\ud7ff\ue000\uffff")");
  EXPECT_EQ(Written("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"), R"("\ud800\udc00\udbff\udfff")");
}

// DecodeJsonString produces these from escapes.
TEST(AppendJsonString, EscapesLoneSurrogates) {
  EXPECT_EQ(Written("\xED\xA0\x80-\xED\xBF\xBF"), R"("\ud800-\udfff")");
  EXPECT_EQ(Written("\xED\xA0"), R"("\ufffd\ufffd")");
}

TEST(Lists, LookAsPythonWritesThem) {
  std::string out;
  google::protobuf::RepeatedField<uint32_t> words;
  AppendWords(out, words);
  words.Add(0);
  words.Add(4294967295);
  AppendWords(out, words);
  AppendBytes(out, std::string_view("\0\x7F\xFF", 3));
  EXPECT_EQ(out, "[][0, 4294967295][0, 127, 255]");
}

}  // namespace
}  // namespace probegate
