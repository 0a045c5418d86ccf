#include "telemetry/log.h"

#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

std::string Logged(LogFormat format, LogLevel level, const std::function<void(Log&)>& write) {
  testing::internal::CaptureStderr();
  {
    Log log(format, level);
    write(log);
  }
  return testing::internal::GetCapturedStderr();
}

TEST(Log, TextIsOneLineWithTheEventAndItsFields) {
  const std::string line = Logged(LogFormat::kText, LogLevel::kInfo, [](Log& log) {
    log.Info("session.opened", {{"probe", "7A22"}, {"count", 3}, {"client", "py ocd"}, {"none", ""}});
  });
  EXPECT_THAT(line, MatchesRegex("[0-9-]+T[0-9:.]+Z info    session.opened probe=7A22 count=3 client=\"py ocd\"\n"));
}

TEST(Log, InTextAMessageReplacesTheEventAndItsFields) {
  const std::string line = Logged(LogFormat::kText, LogLevel::kInfo, [](Log& log) {
    log.Write(LogLevel::kInfo, "probe.served", "Serving debug probe X", {{"port", 5555}});
  });
  EXPECT_THAT(line, testing::EndsWith("info    Serving debug probe X\n"));
}

TEST(Log, JsonIsValidWhateverTheValuesContain) {
  const std::string nasty = "a\"b\\c\nd\te\x1b[31m\x7f{}%v";
  const std::string line = Logged(LogFormat::kJson, LogLevel::kInfo, [&](Log& log) {
    log.Write(LogLevel::kWarning, "lock.broken", nasty, {{"holder", nasty}, {"depth", 2}});
  });
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["level"], "warning");
  EXPECT_EQ(parsed["event"], "lock.broken");
  EXPECT_EQ(parsed["message"], nasty);
  EXPECT_EQ(parsed["holder"], nasty);
  EXPECT_EQ(parsed["depth"], 2);
  EXPECT_THAT(parsed["ts"].get<std::string>(), MatchesRegex("....-..-..T..:..:..\\....Z"));
}

TEST(Log, ControlCharactersCannotBreakOutOfATextLine) {
  const std::string line = Logged(LogFormat::kText, LogLevel::kInfo, [](Log& log) {
    log.Info("client.connected", {{"name", "x\n2026-01-01T00:00:00.000Z error   forged"}});
  });
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(Log, LinesBelowTheLevelAreDropped) {
  EXPECT_THAT(Logged(LogFormat::kText, LogLevel::kWarning, [](Log& log) { log.Info("a", {}); }), IsEmpty());
  EXPECT_THAT(Logged(LogFormat::kText, LogLevel::kWarning, [](Log& log) { log.Error("a", {}); }), HasSubstr("error"));
}

}  // namespace
}  // namespace probegate
