#include "access/json_object.h"

#include <string>

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(JsonObject, IsParsed) {
  const auto object = ParseJsonObject(R"({"a": {"b": 1}, "c": {"b": [2]}})");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->at("c").at("b").at(0), 2);
}

TEST(JsonObject, IsRefusedIfItIsAmbiguousOrDeepOrNoObject) {
  for (const std::string& text :
       {std::string(R"({"a": 1, "a": 2})"), std::string(R"({"x": {"a": 1, "\u0061": 2}})"), std::string("[]"),
        std::string("7"), std::string(""), std::string("{}{}"), std::string(R"({"a": "\xff"})"),
        std::string("{\"a\": \"\xff\"}"), R"({"a": )" + std::string(40, '[') + std::string(40, ']') + "}"}) {
    EXPECT_FALSE(ParseJsonObject(text)) << text;
  }
}

TEST(Base64Url, IsDecodedStrictly) {
  EXPECT_EQ(DecodeBase64Url("aGk"), "hi");
  EXPECT_EQ(DecodeBase64Url("-_8"), "\xfb\xff");
  EXPECT_EQ(DecodeBase64Url(""), "");
  for (const char* const text : {"aGk=", "a Gk", "aGk\n", "+/8", "a", "aGk\xff"}) {
    EXPECT_FALSE(DecodeBase64Url(text)) << text;
  }
}

}  // namespace
}  // namespace probegate
