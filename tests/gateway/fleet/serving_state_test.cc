#include "gateway/fleet/serving_state.h"

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
  double Up(const ServerAddress& server) {
    return Metric("server_up{address=\"" + server.address + "\",server=\"" + server.name + "\"}");
  }
  ServingState state_{metrics_};
  const ServerAddress server_{"server:1", "10.0.0.1:1"};
  const ServerAddress other_{"server:1", "10.0.0.2:1"};
};

TEST_F(ServingStateTest, IsNotReadyBeforeAllInitialProbesAreServed) {
  state_.ServerFound(server_);
  state_.Served("A");
  EXPECT_THAT(state_.Missing(), ElementsAre("not every debug probe is served yet"));
  state_.Started();
  EXPECT_THAT(state_.Missing(), IsEmpty());
}

TEST_F(ServingStateTest, ListsOnlySomeOfManyUnreachableServers) {
  for (int i = 0; i < 300; ++i) state_.ServerLost({"server:1", std::to_string(i)}, "no " + std::to_string(i));
  EXPECT_EQ(state_.Missing().size(), 12U);
  EXPECT_EQ(state_.Missing()[10], "and 290 more servers are out of reach");
}

TEST_F(ServingStateTest, AProbeWithoutAPortIsMissingWhileOthersAreServed) {
  state_.ServerFound(server_);
  state_.Started();
  state_.Served("A");
  state_.NotServed("B", "port 5556, wanted for debug probe B, is in use");
  EXPECT_THAT(state_.Missing(), ElementsAre("port 5556, wanted for debug probe B, is in use"));
  EXPECT_EQ(Metric("ports"), 1);
  state_.Served("B");
  EXPECT_THAT(state_.Missing(), IsEmpty());
  EXPECT_EQ(Metric("ports"), 2);
}

TEST_F(ServingStateTest, SnapshotsInARowDoNotCountAsReconnects) {
  state_.ServerFound(server_);
  state_.ServerFound(server_);
  EXPECT_EQ(Metric("server_reconnects_total"), 0);
  state_.ServerLost(server_, "gone");
  state_.ServerLost(server_, "still gone");
  state_.ServerFound(server_);
  EXPECT_EQ(Metric("server_reconnects_total"), 1);
}

TEST_F(ServingStateTest, OneReachableServerIsEnough) {
  state_.Started();
  state_.Served("A");
  state_.ServerLost(server_, "no one");
  state_.ServerFound(other_);
  EXPECT_THAT(state_.Missing(), IsEmpty());
  EXPECT_EQ(Up(server_), 0);
  EXPECT_EQ(Up(other_), 1);
  state_.ServerLost(other_, "no two");
  EXPECT_THAT(state_.Missing(), ElementsAre("no one", "no two"));
  state_.ServerForgotten(server_);
  EXPECT_THAT(state_.Missing(), ElementsAre("no two"));
  EXPECT_EQ(Up(server_), -1);
}

TEST_F(ServingStateTest, StoppingIsTheOnlyReasonGiven) {
  state_.ServerFound(server_);
  state_.Served("A");
  state_.Stopping();
  EXPECT_THAT(state_.Missing(), ElementsAre("the gateway is stopping"));
  EXPECT_EQ(Up(server_), 0);
  EXPECT_EQ(Metric("ports"), 0);
}

}  // namespace
}  // namespace probegate
