#include "debug/fqbn.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Fqbn Parsed(const std::string& text) {
  const auto fqbn = Fqbn::Parse(text);
  EXPECT_TRUE(fqbn.ok()) << fqbn.status();
  return fqbn.ok() ? *fqbn : Fqbn();
}

TEST(FqbnTest, OptionsArePartOfNeitherTheBoardNorItsBuildFolder) {
  for (const char* text : {"arduino:mbed:nano33ble", "arduino:mbed:nano33ble:split=0",
                           "arduino:mbed:nano33ble:a=", "arduino:mbed:nano33ble:a=1,b=x=y,c=.-_"}) {
    const Fqbn fqbn = Parsed(text);
    EXPECT_EQ(fqbn.board(), "arduino:mbed:nano33ble");
    EXPECT_EQ(fqbn.BuildFolder(), "arduino.mbed.nano33ble");
    EXPECT_EQ(fqbn.ToString(), text);
  }
}

TEST(FqbnTest, OptionsCanBeLeftOutOneByOne) {
  const Fqbn fqbn = Parsed("a:b:c:x=1,y=2,z=3");
  ASSERT_EQ(fqbn.options(), 3U);
  EXPECT_EQ(fqbn.WithoutOption(0).ToString(), "a:b:c:y=2,z=3");
  EXPECT_EQ(fqbn.WithoutOption(1).ToString(), "a:b:c:x=1,z=3");
  EXPECT_EQ(fqbn.WithoutOption(2).WithoutOption(1).WithoutOption(0).ToString(), "a:b:c");
  EXPECT_EQ(Parsed("a:b:c").options(), 0U);
}

TEST(FqbnTest, AcceptsWhatArduinoCliAcceptsAndNamesWithoutColons) {
  EXPECT_EQ(Parsed("nrf52840").board(), "nrf52840");
  EXPECT_EQ(Parsed("nrf52840").BuildFolder(), "nrf52840");
  EXPECT_EQ(Parsed("::uno").board(), "::uno");
  EXPECT_EQ(Parsed("Arduino:MBED:Nano").board(), "Arduino:MBED:Nano");
}

TEST(FqbnTest, RefusesWhatArduinoCliRefuses) {
  const struct {
    const char* text;
    const char* what;
  } kCases[] = {{"arduino:mbed", "has 2 parts"},
                {"arduino:", "has 2 parts"},
                {"a:b:c:x=1:y=2", "has 5 parts"},
                {"a:b:c:d=1:", "has 5 parts"},
                {"::::::", "has 7 parts"},
                {"arduino:mbed:", "empty board name"},
                {"arduino:mbed::x=1", "empty board name"},
                {"a:b:c:", "invalid option \"\""},
                {"a:b:c:x", "invalid option \"x\""},
                {"a:b:c:=1", "invalid option \"=1\""},
                {"a:b:c: =1", "invalid option \" =1\""},
                {"a:b:c:x=1,", "invalid option \"\""},
                {"a:b:c:,x=1", "invalid option \"\""},
                {"a:b:c:x=1,y", "invalid option \"y\""}};
  for (const auto& [text, what] : kCases) {
    const absl::Status status = Fqbn::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    const std::string message(status.message());
    EXPECT_THAT(message, StartsWith("fqbn \"" + std::string(text) + "\" has ")) << text;
    EXPECT_THAT(message, HasSubstr(what)) << text;
    EXPECT_THAT(message, HasSubstr("use vendor:architecture:board")) << text;
  }
  EXPECT_EQ(Fqbn::Parse("").status().message(), "fqbn is empty; it must name the board");
}

TEST(FqbnTest, QuotesALongOrStrangeTextInOneShortLine) {
  const std::string message(Fqbn::Parse("a:b\n" + std::string(100'000, 'x')).status().message());
  EXPECT_LT(message.size(), 400U);
  EXPECT_THAT(message, StartsWith("fqbn \"a:b x"));
}

}  // namespace
}  // namespace probegate
