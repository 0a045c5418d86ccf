#include "gateway/json/json_reader.h"

#include <gtest/gtest.h>

#include <random>

#include "gateway/json/json_writer.h"
#include "nlohmann/json.hpp"
#include "tests/gateway/json/malformed_utf8.h"

namespace probegate {
namespace {

bool IsJson(std::string_view text) {
  JsonReader reader(text);
  JsonValue value;
  return reader.ReadValue(value) && reader.AtEnd();
}

TEST(JsonReader, RefusesMalformedUtf8) {
  for (const MalformedUtf8& malformed : kMalformedUtf8) {
    EXPECT_FALSE(IsJson('"' + std::string(malformed.bytes) + '"')) << malformed.what;
    EXPECT_FALSE(IsJson("\"a" + std::string(malformed.bytes) + "b\"")) << malformed.what;
    EXPECT_FALSE(IsJson('"' + std::string(malformed.bytes))) << malformed.what;
  }
  for (const char* surrogate : {"\xED\xA0\x80", "\xED\xAF\xBF", "\xED\xB0\x80", "\xED\xBF\xBF"}) {
    EXPECT_FALSE(IsJson('"' + std::string(surrogate) + '"'));
  }
}

TEST(JsonReader, AcceptsTheEndsOfEachRange) {
  EXPECT_TRUE(IsJson("\"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\""));
  EXPECT_TRUE(IsJson("\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\""));
}

TEST(JsonReader, AcceptsIntegersOfAnyLength) {
  for (const size_t digits : {20U, 308U, 309U, 310U, 19729U}) {
    const std::string text(digits, '9');
    JsonReader reader(text);
    JsonValue value;
    EXPECT_TRUE(reader.ReadValue(value) && reader.AtEnd()) << digits;
    EXPECT_EQ(value.kind, JsonValue::Kind::kInteger);
    EXPECT_EQ(value.text, text);
  }
}

// The reader accepts what nlohmann/json accepts, except for the differences listed in gateway/json/json_reader.h.
TEST(JsonReader, AgreesWithNlohmannJsonOnMutatedText) {
  const std::string seed = R"({"id": -12.5e+3, "request": "a\u00e9\n\\\"", "arguments": [0, true, null, )"
                           R"({"k": ["\ud83d\ude00"]}, 1E2, 340282]})"
                           "\xC3\xA9\xE4\xB8\xAD";
  std::mt19937 random(7);
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = seed.substr(0, seed.size() - random() % 6);
    for (size_t edits = random() % 3; edits > 0; --edits) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 4);
          break;
        default:
          text.insert(at, 1, seed[random() % seed.size()]);
      }
      if (text.empty()) text = " ";
    }
    const bool ours = IsJson(text);
    if (text.find("\\ud") == std::string::npos && text.find("\\uD") == std::string::npos &&
        !text.starts_with("\xEF\xBB\xBF")) {
      ASSERT_EQ(ours, nlohmann::json::accept(text)) << text;
    }
    accepted += ours ? 1 : 0;
  }
  EXPECT_GT(accepted, 1000);
}

TEST(JsonStrings, SurviveARoundTrip) {
  const auto decode = [](std::string_view text) {
    JsonValue value;
    JsonReader reader(text);
    EXPECT_TRUE(reader.ReadValue(value));
    return DecodeJsonString(value);
  };
  EXPECT_EQ(decode(R"("a\"\\\/\b\f\n\r\t\u0041")"), "a\"\\/\b\f\n\r\tA");
  EXPECT_EQ(decode(R"("\ud83d\ude00")"), "\xF0\x9F\x98\x80");
  for (const char* text : {R"("\ud800")", R"("\ud800\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud83d\ude00")",
                           R"("\u00e9\u4e2d")", R"("\u0000\u001f\u007f")"}) {
    std::string out;
    AppendJsonString(out, decode(text));
    EXPECT_EQ(out, text);
  }
}

}  // namespace
}  // namespace probegate
