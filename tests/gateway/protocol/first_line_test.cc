#include "gateway/protocol/first_line.h"

#include <gtest/gtest.h>

#include <string>

namespace probegate {
namespace {

TEST(FirstLine, LooksAtTheFirstBytes) {
  EXPECT_EQ(LookAt(""), FirstBytes::kTooFew);
  EXPECT_EQ(LookAt(" \t\r"), FirstBytes::kTooFew);
  EXPECT_EQ(LookAt("\xEF\xBB"), FirstBytes::kTooFew);
  EXPECT_EQ(LookAt("\xEF\xBB\xBF {"), FirstBytes::kObject);
  EXPECT_EQ(LookAt("  {\"id\""), FirstBytes::kObject);
  EXPECT_EQ(LookAt("P"), FirstBytes::kHttp);
  EXPECT_EQ(LookAt("POST / HTTP/1.1\r\n"), FirstBytes::kHttp);
  EXPECT_EQ(LookAt("\x16"), FirstBytes::kTls);
  EXPECT_EQ(LookAt("\x16\x03\x01"), FirstBytes::kTls);
  EXPECT_EQ(LookAt("\x16\x04"), FirstBytes::kOther);
  EXPECT_EQ(LookAt("POX"), FirstBytes::kOther);
  EXPECT_EQ(LookAt("\n{}"), FirstBytes::kOther);
  EXPECT_EQ(LookAt("[{}]"), FirstBytes::kOther);
}

TEST(FirstLine, AnObjectNeedNotBeARequest) {
  EXPECT_TRUE(IsJsonObject("{}"));
  EXPECT_TRUE(IsJsonObject("\xEF\xBB\xBF {\"a\": [1]} \r"));
  EXPECT_FALSE(IsJsonObject(""));
  EXPECT_FALSE(IsJsonObject("{"));
  EXPECT_FALSE(IsJsonObject("{} {}"));
  EXPECT_FALSE(IsJsonObject("[]"));
}

}  // namespace
}  // namespace probegate
