#include "gateway/protocol/json_codec.h"

#include <gtest/gtest.h>

namespace probegate {
namespace {

std::string_view Fault(std::string_view line) {
  Request request;
  return ParseRequest(line, request);
}

TEST(ParseRequest, FindsThePartsInAnyOrder) {
  Request request;
  ASSERT_EQ(ParseRequest(R"( {"arguments" : [ 1, "two", [3, [4]], {"f": 5}, 6 ], "x": {}, "id":7, "request":"r"} )"
                         "\r",
                         request),
            "");
  EXPECT_EQ(request.id, "7");
  EXPECT_EQ(request.name.text, "\"r\"");
  ASSERT_EQ(request.argument_count, 5U);
  EXPECT_EQ(request.arguments[0].text, "1");
  EXPECT_EQ(request.arguments[2].text, "[3, [4]]");
  EXPECT_EQ(request.arguments[3].kind, JsonValue::Kind::kObject);
}

TEST(ParseRequest, FindsTheTraceparentUnchecked) {
  Request request;
  ASSERT_EQ(ParseRequest(R"({"id": 1, "request": "a"})", request), "");
  EXPECT_FALSE(request.traceparent.is_string());
  ASSERT_EQ(ParseRequest(R"({"traceparent": "x", "id": 1, "request": "a"})", request), "");
  EXPECT_EQ(request.traceparent.text, R"("x")");
  ASSERT_EQ(ParseRequest(R"({"traceparent": [1], "id": 1, "request": "a"})", request), "");
  EXPECT_FALSE(request.traceparent.is_string());
}

TEST(ParseRequest, TheLastOfDuplicateMembersCounts) {
  Request request;
  ASSERT_EQ(
      ParseRequest(R"({"id": 1, "\u0069d": 2, "request": "a", "arguments": [1, 2], "request": "b", "arguments": []})",
                   request),
      "");
  EXPECT_EQ(request.id, "2");
  EXPECT_EQ(request.name.text, "\"b\"");
  EXPECT_EQ(request.argument_count, 0U);
}

TEST(ParseRequest, SaysWhatIsMissing) {
  EXPECT_EQ(Fault("{}"), "missing request ID");
  EXPECT_EQ(Fault(R"({"request": "x"})"), "missing request ID");
  EXPECT_EQ(Fault(R"({"id": 1})"), "missing request field");
  EXPECT_EQ(Fault(R"({"id": 1, "request": "x", "arguments": null})"), "invalid request arguments format");
  EXPECT_EQ(Fault(R"({"id": 1, "request": "x", "arguments": {}})"), "invalid request arguments format");
}

TEST(ParseRequest, FindsTheIdEvenIfTheRestIsWrong) {
  Request request;
  ParseRequest(R"({"id": "a", "request": 1, "arguments": 1})", request);
  EXPECT_EQ(request.id, "\"a\"");
  ParseRequest(R"({"id": "a", )", request);
  EXPECT_EQ(request.id, "-1");
}

TEST(ParseRequest, IdsAreKeptUnchanged) {
  for (const char* id : {"0", "-5", "123456789012345678901234567890", "1.5", "1e3", "1.0", "\"a\\u00e9\\ud800\"",
                         "null", "true", "[1, {\"a\": [2.50]}]", "\"\xC3\xA9\""}) {
    const std::string line = "{\"id\": " + std::string(id) + ", \"request\": \"x\"}";
    Request request;
    ASSERT_EQ(ParseRequest(line, request), "") << id;
    EXPECT_EQ(request.id, id);
  }
}

TEST(ParseRequest, RefusesMalformedJson) {
  for (const char* line : {"",
                           " ",
                           "x",
                           "[]",
                           "5",
                           "null",
                           "\"a\"",
                           "{",
                           "{\"id\": 1,}",
                           "{\"id\" 1}",
                           "{'id': 1}",
                           "{\"id\": 01}",
                           "{\"id\": +1}",
                           "{\"id\": 1.}",
                           "{\"id\": .5}",
                           "{\"id\": 1e}",
                           "{\"id\": -}",
                           "{\"id\": NaN}",
                           "{\"id\": Infinity}",
                           "{\"id\": 1e999}",
                           "{\"id\": -1e999}",
                           "{\"id\": tru}",
                           "{\"id\": \"a}",
                           "{\"id\": \"\\x\"}",
                           "{\"id\": \"\\u12\"}",
                           "{\"id\": \"\t\"}",
                           "{\"id\": \"\xFF\"}",
                           "{\"id\": \"\xC0\xAF\"}",
                           "{\"id\": \"\xED\xA0\x80\"}",
                           "{\"id\": \"\xF4\x90\x80\x80\"}",
                           "{\"id\": \"\xE2\x82\"}",
                           "{\"id\": [1}",
                           "{\"id\": 1} x",
                           "{1: 2}",
                           "{\"id\": 1}{}"}) {
    EXPECT_EQ(Fault(line), "invalid request format") << line;
  }
  EXPECT_EQ(Fault(std::string("{\"id\": \"a\0b\"}", 13)), "invalid request format");
  EXPECT_EQ(Fault(std::string("{\"id\": \"\\\0\"}", 12)), "invalid request format");
}

TEST(ParseRequest, AcceptsAByteOrderMarkAndSmallFloats) {
  EXPECT_EQ(Fault("\xEF\xBB\xBF{\"id\": 1, \"request\": \"x\"}"), "");
  EXPECT_EQ(Fault("{\"id\": 1e-999, \"request\": \"x\"}"), "");
}

TEST(ParseRequest, BoundsTheDepth) {
  const auto nested = [](size_t depth) {
    return "{\"id\": 1, \"request\": \"x\", \"y\": " + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(Fault(nested(1000)), "");
  EXPECT_EQ(Fault(nested(1002)), "invalid request format");
  EXPECT_EQ(Fault(nested(1'000'000)), "invalid request format");
}

TEST(Replies, LookAsPythonWritesThem) {
  std::string out;
  AppendErrorReply(out, "\"x\"", ReplyStatus::kTransferFault, "a \"b\"");
  EXPECT_EQ(out, "{\"id\": \"x\", \"status\": 12, \"error\": \"a \\\"b\\\"\"}\n");
}

}  // namespace
}  // namespace probegate
