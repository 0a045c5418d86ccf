#include "debug/gateway_log.h"

#include "debug/stage.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

std::string Event(const std::string& event, const std::string& session, const std::string& reason = "") {
  return R"({"level":"info","event":")" + event + R"(","probe":"A1","session":")" + session +
         (reason.empty() ? "" : R"(","reason":")" + reason) + R"("})";
}

TEST(GatewayLogTest, OnlyTheLossOfTheFirstSessionCounts) {
  GatewayLog log;
  EXPECT_EQ(log.ReadLoss(Event("session.opened", "s1")), std::nullopt);
  EXPECT_EQ(log.ReadLoss(Event("session.opened", "s2")), std::nullopt);
  EXPECT_EQ(log.ReadLoss(Event("session.lost", "s2", "kicked")), std::nullopt);
  EXPECT_EQ(log.ReadLoss(Event("session.closed", "s1", "done")), std::nullopt);
  EXPECT_EQ(log.ReadLoss(Event("session.lost", "s1", "unplugged")), "unplugged");
}

TEST(GatewayLogTest, TheReasonIsUnescaped) {
  GatewayLog log;
  log.ReadLoss(Event("session.opened", "s1"));
  EXPECT_EQ(log.ReadLoss(Event("session.lost", "s1", R"(probe \"A1\" is gone)")), "probe \"A1\" is gone");
}

TEST(GatewayLogTest, OtherLinesAreIgnored) {
  GatewayLog log;
  log.ReadLoss(Event("session.opened", "s1"));
  for (const char* line : {"", "{}", "session.lost s1", R"({"event":"lock.lost","session":"s1"})"}) {
    EXPECT_EQ(log.ReadLoss(line), std::nullopt) << line;
  }
  // A line that was cut still counts, without the reason.
  EXPECT_EQ(log.ReadLoss(R"({"event":"session.lost","session":"s1)"), "");
}

TEST(GatewayLogTest, ThePortIsFound) {
  EXPECT_EQ(MatchPort(R"({"event":"probe.served","probe":"A1","port":4711})", kGatewayPort), 4711);
}

}  // namespace
}  // namespace probegate
