// What is recorded about callers that are turned away: once per second, however many there are.
#include "access/service/access_trail.h"

#include <algorithm>
#include <memory>
#include <string>

#include "access/audit_log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "tests/access/service/paper_sink.h"
#include "tests/access/service/rules.h"
#include "tests/telemetry/log_capture.h"

namespace probegate {
namespace {

using testing::HasSubstr;

class AccessTrailTest : public testing::Test {
 protected:
  Log log{LogFormat::kText, LogLevel::kInfo};
  MetricSet metrics;
  AccessTrail trail{log, metrics, nullptr};
};

TEST_F(AccessTrailTest, AFloodOfWrongTokensIsCountedAndHardlyLogged) {
  const Peer peer{.address = "10.0.0.1:1000", .host = "10.0.0.1", .client = "10.0.0.1"};
  LogCapture capture(log);
  for (int i = 0; i < 1000; ++i) trail.OnUnauthenticated(peer, "/s/M", absl::UnauthenticatedError("wrong"));
  const std::string text = capture.Text();
  EXPECT_THAT(text, HasSubstr("client.unauthenticated peer=10.0.0.1:1000 method=/s/M reason=wrong calls=1"));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 100) << "one line per second";
  EXPECT_THAT(metrics.Expose(), HasSubstr("probegate_access_denials_total{cause=\"unauthenticated\"} 1000"));
}

TEST_F(AccessTrailTest, DenialsAreCounted) {
  trail.OnDenied(TokenCaller("a"), "P1", {.message = "no"}, *OpenToAll()->policy);
  EXPECT_THAT(metrics.Expose(), HasSubstr("probegate_access_denials_total{cause=\"denied\"} 1"));
}

TEST_F(AccessTrailTest, AFloodOfDeniedCallsHardlyFillsTheAuditLog) {
  const auto paper = std::make_shared<Paper>();
  const auto policy = OpenToAll()->policy;
  {
    const auto audit = *AuditLog::Start(std::make_unique<PaperSink>(paper));
    MetricSet own;
    AccessTrail audited(log, own, audit.get());
    for (int i = 0; i < 1000; ++i) audited.OnDenied(TokenCaller("loud"), "P1", {.message = "no"}, *policy);
    audited.OnDenied(TokenCaller("quiet"), "P2", {.message = "no"}, *policy);
    ASSERT_TRUE(audit->Flush());
  }
  MutexLock lock(paper->mutex);
  EXPECT_LT(std::count(paper->text.begin(), paper->text.end(), '\n'), 100) << "one event per second and identity";
  EXPECT_THAT(paper->text, HasSubstr("\"identity\":\"token:quiet\""));
}

TEST_F(AccessTrailTest, AnInvalidFileIsShownUntilItIsMended) {
  EXPECT_THAT(metrics.Expose(), HasSubstr("probegate_access_invalid 0"));
  trail.OnInvalid(absl::InvalidArgumentError("access.yaml:1: nonsense"));
  EXPECT_THAT(metrics.Expose(), HasSubstr("probegate_access_invalid 1"));
  trail.OnChanged(*OpenToAll()->policy);
  EXPECT_THAT(metrics.Expose(), HasSubstr("probegate_access_invalid 0"));
}

}  // namespace
}  // namespace probegate
