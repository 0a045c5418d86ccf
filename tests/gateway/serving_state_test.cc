#include "gateway/serving_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/telemetry/exposed.h"

namespace probegate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ServingStateTest : public ::testing::Test {
 protected:
  double Metric(const std::string& name) { return Exposed(set_.Expose(), "probegate_gateway_" + name).value_or(-1); }

  MetricSet set_;
  GatewayMetrics metrics_{set_};
  ServingState state_{"server:1", metrics_};
};

TEST_F(ServingStateTest, AProbeThatHasNoPortIsMissingAndTheOthersAreServed) {
  state_.ServerFound();
  state_.Served("A");
  state_.NotServed("B", "port 5556, wanted for debug probe B, is in use");
  EXPECT_THAT(state_.Missing(), ElementsAre("port 5556, wanted for debug probe B, is in use"));
  EXPECT_EQ(Metric("ports"), 1);
  state_.Served("B");
  EXPECT_THAT(state_.Missing(), IsEmpty());
  EXPECT_EQ(Metric("ports"), 2);
}

TEST_F(ServingStateTest, SnapshotsInARowAreNoReconnects) {
  state_.ServerFound();
  state_.ServerFound();
  EXPECT_EQ(Metric("server_reconnects_total"), 0);
  state_.ServerLost("gone");
  state_.ServerLost("still gone");
  state_.ServerFound();
  EXPECT_EQ(Metric("server_reconnects_total"), 1);
}

TEST_F(ServingStateTest, StoppingIsAllThatThereIsToSay) {
  state_.ServerFound();
  state_.Served("A");
  state_.Stopping();
  EXPECT_THAT(state_.Missing(), ElementsAre("the gateway is stopping"));
  EXPECT_EQ(Metric("server_up"), 0);
  EXPECT_EQ(Metric("ports"), 0);
}

}  // namespace
}  // namespace probegate
