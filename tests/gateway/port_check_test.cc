#include "gateway/port_check.h"

#include <chrono>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/base/bounded_wait.h"
#include "tests/gateway/port_fixture.h"

namespace probegate {
namespace {

using testing::HasSubstr;

Deadline Soon() { return std::chrono::steady_clock::now() + kWaitBound; }

TEST(PortCheck, WithoutAPortThereIsNothingToFail) { EXPECT_EQ(PortCheck().Run(Soon()), absl::OkStatus()); }

TEST(PortCheck, IsAnsweredWhateverTheLimitAndIsNotCounted) {
  PortFixture fixture(&SucceedAtOnce, {}, 0);
  PortCheck check;
  check.Add(fixture.probe_port().shared_from_this());
  EXPECT_EQ(check.Run(Soon()), absl::OkStatus());
  EXPECT_EQ(check.Run(Soon()), absl::OkStatus());
  fixture.Finish();
  const std::string metrics = fixture.Metrics();
  EXPECT_THAT(metrics, HasSubstr("probegate_gateway_connections_accepted_total 0\n"));
  EXPECT_THAT(metrics, HasSubstr("probegate_gateway_connections_refused_total 0\n"));
  EXPECT_THAT(metrics, HasSubstr("probegate_gateway_line_bytes_total{direction=\"in\"} 0\n"));
}

TEST(PortCheck, NamesThePortThatDoesNotAnswer) {
  PortFixture fixture(&SucceedAtOnce);
  PortCheck check;
  check.Add(fixture.probe_port().shared_from_this());
  // Nothing can be answered by a deadline that has passed.
  const absl::Status status = check.Run(std::chrono::steady_clock::now() - std::chrono::seconds(1));
  EXPECT_THAT(status.ToString(), HasSubstr("port " + std::to_string(fixture.port()) + ": "));
}

TEST(PortCheck, APortThatWasClosedIsNoFailure) {
  PortFixture fixture(&SucceedAtOnce);
  PortCheck check;
  check.Add(fixture.probe_port().shared_from_this());
  fixture.probe_port().Stop("the test is over");
  EXPECT_EQ(check.Run(Soon()), absl::OkStatus());
}

}  // namespace
}  // namespace probegate
