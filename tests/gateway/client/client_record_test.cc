// The log lines about a client.
#include "gateway/client/client_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/port_fixture.h"
#include "tests/telemetry/log_capture.h"

namespace probegate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ClientRecordLog : public ::testing::Test {
 protected:
  // The log lines of `event`, whose name does not occur in other lines.
  static std::vector<std::string> LinesOf(const std::string& log, const std::string& event) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < log.size();) {
      const size_t end = log.find('\n', at);
      const std::string line = log.substr(at, end - at);
      if (line.find(' ' + event + ' ') != std::string::npos) lines.push_back(line);
      at = end + 1;
    }
    return lines;
  }

  MetricSet set_;
  GatewayMetrics metrics_{set_};
};

TEST_F(ClientRecordLog, AFloodOfBadLinesLogsTwoWarnings) {
  Log log(LogFormat::kText, LogLevel::kInfo);
  LogCapture capture(log);
  ClientRecord record("PROBE1", "10.0.0.7:1234", metrics_, log);
  record.Connected();
  // The record's time only advances in Received, so these lines all arrive at once.
  record.Received(50'000);
  for (int i = 0; i < 999; ++i) record.BadLine("invalid request format");
  record.BadLine("missing request ID");
  record.Disconnected();
  const auto warnings = LinesOf(capture.Text(), "client.bad_lines");
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_THAT(warnings[0], AllOf(HasSubstr("warning"), HasSubstr("probe=PROBE1"), HasSubstr("client=10.0.0.7:1234"),
                                 HasSubstr("count=1 "), HasSubstr("reason=\"invalid request format\"")));
  EXPECT_THAT(warnings[1], AllOf(HasSubstr("count=999 "), HasSubstr("reason=\"missing request ID\"")));
  EXPECT_EQ(metrics_.bad_lines.value(), 1000);
}

TEST_F(ClientRecordLog, NoWarningWithoutBadLines) {
  Log log(LogFormat::kText, LogLevel::kInfo);
  LogCapture capture(log);
  ClientRecord record("PROBE1", "10.0.0.7:1234", metrics_, log);
  record.Connected();
  record.Disconnected();
  const std::string text = capture.Text();
  EXPECT_EQ(LinesOf(text, "client.bad_lines").size(), 0U) << text;
  EXPECT_EQ(LinesOf(text, "client.connected").size(), 1U) << text;
  EXPECT_EQ(LinesOf(text, "client.disconnected").size(), 1U) << text;
}

constexpr const char* kOpen =
    R"({"id": 1, "request": "open", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})";

std::string LogOfASession(LogLevel level) {
  ::testing::internal::CaptureStderr();
  {
    PortFixture fixture(&SucceedAtOnce, {}, 100, level);
    TestClient client(fixture.port());
    client.Ask(kOpen);
    client.Ask(R"({"id": 2, "request": "read_dp", "arguments": [0]})");
    fixture.upstream.WaitForSession(0)->End("the server went away");
    client.Ask(R"({"id": 3, "request": "flush"})");
  }
  return ::testing::internal::GetCapturedStderr();
}

TEST_F(ClientRecordLog, LogsAFewLinesPerClientAndSession) {
  const std::string text = LogOfASession(LogLevel::kInfo);
  const std::string session = "session=" + std::string(FakeUpstream::kSessionId.substr(0, 16));
  for (const char* event : {"client.connected", "session.opened", "session.lost", "client.disconnected"}) {
    const auto lines = LinesOf(text, event);
    ASSERT_EQ(lines.size(), 1U) << event << text;
    EXPECT_THAT(lines[0], AllOf(HasSubstr("probe=PROBE1"), HasSubstr("client=127.0.0.1:")));
    if (event != std::string("client.connected")) {
      EXPECT_THAT(lines[0] + ' ', HasSubstr(session + ' '));
    }
  }
  EXPECT_THAT(LinesOf(text, "session.lost")[0], HasSubstr("reason=\"the server went away\""));
  EXPECT_THAT(LinesOf(text, "client.disconnected")[0], HasSubstr(" requests=3 "));
  EXPECT_THAT(text, Not(HasSubstr("request.done")));
}

TEST_F(ClientRecordLog, ASessionThatCouldNotBeOpenedIsNotLoggedUnderThePreviousName) {
  ::testing::internal::CaptureStderr();
  {
    PortFixture fixture(&SucceedAtOnce, {}, 100, LogLevel::kInfo);
    TestClient client(fixture.port());
    client.Ask(kOpen);
    fixture.upstream.WaitForSession(0)->End("the server went away");
    client.Ask(R"({"id": 2, "request": "flush"})");  // waits until the loss is noticed; an earlier open would still go
                                                     // to the lost session
    fixture.upstream.RefuseSessions("debug probe PROBE1 is away");
    client.Ask(kOpen);
  }
  const auto lines = LinesOf(::testing::internal::GetCapturedStderr(), "session.lost");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("session=0123456789abcdef "));
  EXPECT_THAT(lines[1], Not(HasSubstr(" session=")));
}

TEST_F(ClientRecordLog, LogsEachRequestAtDebugLevel) {
  const std::string text = LogOfASession(LogLevel::kDebug);
  const auto lines = LinesOf(text, "request.done");
  ASSERT_EQ(lines.size(), 3U) << text;
  EXPECT_THAT(lines[0], AllOf(HasSubstr(" request=1 "), HasSubstr(" command=open "), HasSubstr(" status=ok "),
                              HasSubstr(" us="), HasSubstr(" trace=0af7651916cd43dd8448eb211c80319c")));
  EXPECT_THAT(lines[0], HasSubstr("session=" + std::string(FakeUpstream::kSessionId.substr(0, 16)) + ' '));
  EXPECT_THAT(lines[1], AllOf(HasSubstr(" request=2 "), HasSubstr(" command=read_dp "), Not(HasSubstr(" trace="))));
  EXPECT_THAT(lines[2], AllOf(HasSubstr(" command=flush "), HasSubstr(" status=probe_disconnected ")));
}

TEST_F(ClientRecordLog, TheWholeIdOfASessionIsNeverLogged) {
  const std::string text = LogOfASession(LogLevel::kDebug);
  EXPECT_THAT(text, HasSubstr(std::string(FakeUpstream::kSessionId.substr(0, 16))));
  EXPECT_THAT(text, Not(HasSubstr(std::string(FakeUpstream::kSessionId.substr(0, 17)))));
}

TEST_F(ClientRecordLog, LogsNothingElseForARefusedClient) {
  ::testing::internal::CaptureStderr();
  {
    PortFixture fixture(&SucceedAtOnce, {}, 0, LogLevel::kInfo);
    TestClient client(fixture.port());
    client.Ask(kOpen);
  }
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(LinesOf(text, "connection.refused").size(), 1U) << text;
  EXPECT_EQ(LinesOf(text, "client.connected").size(), 0U) << text;
  EXPECT_EQ(LinesOf(text, "client.disconnected").size(), 0U) << text;
}

}  // namespace
}  // namespace probegate
