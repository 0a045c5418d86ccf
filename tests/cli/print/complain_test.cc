#include "cli/print/complain.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

std::string Complained(const std::string& message) {
  testing::internal::CaptureStderr();
  Complain(message);
  return testing::internal::GetCapturedStderr();
}

TEST(Complain, PrintsALine) {
  EXPECT_EQ(Complained("it is gone"), "probegate: it is gone\n");
  EXPECT_EQ(Complained(""), "probegate: \n");
}

TEST(Complain, EscapesTerminalControls) {
  EXPECT_EQ(Complained("evil\x1b[2J\r"), "probegate: evil\\u001b[2J\\u000d\n");
  EXPECT_EQ(Complained("a\nprobegate: b"), "probegate: a\n  probegate: b\n");
}

}  // namespace
}  // namespace probegate
