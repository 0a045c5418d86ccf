#include "gateway/fleet/probe_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace probegate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr ProbeRoutes::Server kFirst = 1;
constexpr ProbeRoutes::Server kSecond = 2;

v1::ProbeStatus Probe(const std::string& unique_id, v1::ProbeState state = v1::PROBE_STATE_IDLE) {
  v1::ProbeStatus status;
  status.mutable_description()->set_unique_id(unique_id);
  status.set_state(state);
  return status;
}

v1::ProbeStatus Away(const std::string& unique_id) { return Probe(unique_id, v1::PROBE_STATE_AWAY); }

class ProbeRoutesTest : public ::testing::Test, public ProbeRoutes::Observer {
 protected:
  void ProbeIsAt(const v1::ProbeDescription& probe, ProbeRoutes::Server server) override {
    news_.push_back(probe.unique_id() + " at " + std::to_string(server));
  }
  void ProbeRefused(const std::string& unique_id, ProbeRoutes::Server server, ProbeRoutes::Server kept) override {
    news_.push_back(unique_id + " refused to " + std::to_string(server) + " for " + std::to_string(kept));
  }
  std::vector<std::string> News() { return std::exchange(news_, {}); }

  // Reports the server's whole list.
  void List(ProbeRoutes::Server server, const std::vector<v1::ProbeStatus>& probes) {
    routes_.Begin(server);
    for (const v1::ProbeStatus& probe : probes) routes_.Report(server, probe);
    routes_.EndOfList(server);
  }

  ProbeRoutes routes_{*this};
  std::vector<std::string> news_;
};

TEST_F(ProbeRoutesTest, TakesEachServersProbes) {
  List(kFirst, {Probe("A")});
  List(kSecond, {Probe("B"), Away("C")});
  EXPECT_THAT(News(), ElementsAre("A at 1", "B at 2", "C at 2"));
  routes_.Report(kFirst, Probe("A", v1::PROBE_STATE_IN_USE));
  EXPECT_THAT(News(), ElementsAre("A at 1"));
}

TEST_F(ProbeRoutesTest, KeepsTheFirstOfTwoAndReportsTheOtherOnce) {
  List(kFirst, {Probe("A")});
  List(kSecond, {Probe("A")});
  routes_.Report(kSecond, Probe("A", v1::PROBE_STATE_IN_USE));
  EXPECT_THAT(News(), ElementsAre("A at 1", "A refused to 2 for 1"));
  // Reports of the refused server about its probe are ignored; those of the other server are passed on.
  routes_.Report(kSecond, Away("A"));
  routes_.Report(kFirst, Probe("A", v1::PROBE_STATE_IN_USE));
  EXPECT_THAT(News(), ElementsAre("A at 1"));
  routes_.Report(kSecond, Probe("A"));
  EXPECT_THAT(News(), ElementsAre("A refused to 2 for 1"));
}

TEST_F(ProbeRoutesTest, AProbeThatIsReconnectedElsewhereMoves) {
  List(kFirst, {Probe("A")});
  List(kSecond, {});
  routes_.Report(kFirst, Away("A"));
  EXPECT_THAT(News(), ElementsAre("A at 1", "A at 1"));
  routes_.Report(kSecond, Probe("A"));
  EXPECT_THAT(News(), ElementsAre("A at 2"));
  // The first server still lists the probe as away, and may report that again.
  routes_.Report(kFirst, Away("A"));
  EXPECT_THAT(News(), IsEmpty());
}

TEST_F(ProbeRoutesTest, ALostServersProbesMoveToServersThatHaveThem) {
  List(kFirst, {Probe("A"), Probe("B")});
  List(kSecond, {Probe("A")});
  News();
  routes_.Lost(kFirst);
  EXPECT_THAT(News(), ElementsAre("A at 2"));
  List(kFirst, {Probe("A"), Probe("B")});
  EXPECT_THAT(News(), ElementsAre("A refused to 1 for 2", "B at 1"));
}

TEST_F(ProbeRoutesTest, AProbeThatNoServerHasStaysWithTheLastThatHadIt) {
  List(kFirst, {Probe("A")});
  routes_.Lost(kFirst);
  List(kSecond, {Away("A")});
  EXPECT_THAT(News(), ElementsAre("A at 1"));
  List(kFirst, {Probe("A")});
  EXPECT_THAT(News(), ElementsAre("A at 1"));
}

TEST_F(ProbeRoutesTest, AProbeMissingFromTheListIsGone) {
  List(kFirst, {Probe("A")});
  List(kFirst, {});
  List(kSecond, {Away("A")});
  EXPECT_THAT(News(), ElementsAre("A at 1", "A at 2"));
}

TEST_F(ProbeRoutesTest, AForgottenServersProbesMoveToServersThatHaveThem) {
  List(kFirst, {Probe("A"), Probe("B")});
  List(kSecond, {Probe("A"), Away("B")});
  News();
  routes_.Forget(kFirst);
  EXPECT_THAT(News(), ElementsAre("A at 2", "B at 2"));
}

}  // namespace
}  // namespace probegate
