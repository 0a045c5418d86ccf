// The server's series: which exist, how long a probe's series stay, and the catalog's gauges.
#include "server/metrics/server_metrics.h"

#include "gmock/gmock.h"
#include "server/catalog/description.h"
#include "server/commands/command_outcome.h"
#include "tests/server/server_fixture.h"
#include "tests/telemetry/exposed.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

v1::ProbeDescription Probe(const std::string& unique_id, const std::string& firmware = "1.0") {
  ProbeInfo info = FakeWire::DefaultInfo(unique_id);
  info.firmware_version = firmware;
  return Describe(info);
}

class ServerMetricsTest : public testing::Test {
 protected:
  ServerMetrics::Clock::time_point now_{};
  MetricSet set_;
  ServerMetrics metrics_{set_, [this] { return now_; }};
};

TEST_F(ServerMetricsTest, EveryCommandHasASeriesForEachOutcomeFromTheStart) {
  const std::string text = set_.Expose();
  for (size_t command = 0; command <= CommandTable().size(); ++command) {
    for (size_t outcome = 0; outcome < OutcomeCount(); ++outcome) {
      EXPECT_THAT(text, HasSubstr("probegate_commands_total{command=\"" + std::string(CommandName(command)) +
                                  "\",outcome=\"" + std::string(OutcomeName(outcome)) + "\"} 0\n"));
    }
  }
}

TEST(CommandOutcomeTest, FollowsTheErrorKinds) {
  EXPECT_EQ(OutcomeName(OutcomeOf(absl::OkStatus())), "ok");
  EXPECT_EQ(OutcomeName(OutcomeOf(absl::CancelledError("kicked"))), "cancelled");
  EXPECT_EQ(OutcomeName(OutcomeOf(absl::UnknownError("a defect"))), "internal");
  for (const ErrorKindRow& row : ErrorKinds()) {
    EXPECT_EQ(OutcomeName(OutcomeOf(MakeError(row.kind, "x"))), row.name);
  }
}

TEST_F(ServerMetricsTest, AProbeThatReturnsWithinAnHourContinuesItsCounts) {
  auto probe = metrics_.OnProbeHere(Probe("A1"));
  probe->OnFault();
  probe.reset();
  metrics_.OnProbeGone("A1");
  now_ += 59min + 59s;
  probe = metrics_.OnProbeHere(Probe("A1"));
  probe->OnFault();
  EXPECT_EQ(Exposed(set_, "probegate_faults_total{probe=\"A1\"}"), 2);
  // While the probe is present, time does not count.
  now_ += 2h;
  metrics_.DropExpired();
  EXPECT_EQ(Exposed(set_, "probegate_faults_total{probe=\"A1\"}"), 2);
}

TEST_F(ServerMetricsTest, AProbesSeriesAreDroppedAnHourAfterItHasGone) {
  metrics_.OnProbeHere(Probe("A1"))->OnFault();
  metrics_.OnProbeHere(Probe("B2"));
  metrics_.OnProbeGone("A1");
  now_ += 59min + 59s;
  metrics_.DropExpired();
  EXPECT_EQ(Exposed(set_, "probegate_faults_total{probe=\"A1\"}"), 1);
  now_ += 1s;
  metrics_.DropExpired();
  EXPECT_THAT(set_.Expose(), Not(HasSubstr("A1")));
  EXPECT_THAT(set_.Expose(), HasSubstr("B2"));
  metrics_.OnProbeHere(Probe("A1"));
  EXPECT_EQ(Exposed(set_, "probegate_faults_total{probe=\"A1\"}"), 0) << "the series starts over";
}

TEST_F(ServerMetricsTest, ANewProbeDropsExpiredSeries) {
  metrics_.OnProbeHere(Probe("A1"));
  metrics_.OnProbeGone("A1");
  now_ += 1h;
  metrics_.OnProbeHere(Probe("B2"));
  EXPECT_THAT(set_.Expose(), Not(HasSubstr("A1")));
}

TEST_F(ServerMetricsTest, ALaneThatOutlivesItsProbeKeepsItsSeries) {
  auto probe = metrics_.OnProbeHere(Probe("A1"));
  metrics_.OnProbeGone("A1");
  now_ += 2h;
  metrics_.DropExpired();
  probe->OnFault();
  EXPECT_EQ(Exposed(set_, "probegate_faults_total{probe=\"A1\"}"), 1);
  EXPECT_EQ(metrics_.OnProbeHere(Probe("A1")), probe) << "the same series cannot exist twice";
  metrics_.OnProbeGone("A1");
  now_ += 2h;
  probe.reset();
  metrics_.DropExpired();
  EXPECT_THAT(set_.Expose(), Not(HasSubstr("A1")));
}

TEST_F(ServerMetricsTest, ProbeInfoShowsTheCurrentDescription) {
  const std::string old_info =
      "probegate_probe_info{firmware=\"1.0\",probe=\"A1\",product=\"Fake probe\",vendor=\"Probegate\"}";
  const std::string new_info =
      "probegate_probe_info{firmware=\"2.0\",probe=\"A1\",product=\"Fake probe\",vendor=\"Probegate\"}";
  const auto probe = metrics_.OnProbeHere(Probe("A1"));
  EXPECT_EQ(Exposed(set_, old_info), 1);
  metrics_.OnProbeGone("A1");
  metrics_.OnProbeHere(Probe("A1", "2.0"));
  EXPECT_EQ(Exposed(set_, old_info), std::nullopt);
  EXPECT_EQ(Exposed(set_, new_info), 1);
  metrics_.OnProbeHere(Probe("A1", "2.0"));
  EXPECT_EQ(Exposed(set_, new_info), 1);
}

TEST_F(ServerMetricsTest, EachCauseOfALossHasItsSeries) {
  const auto probe = metrics_.OnProbeHere(Probe("A1"));
  for (size_t i = 0; i < kDisconnectCauses.size(); ++i) {
    const std::string series =
        "probegate_probe_disconnects_total{cause=\"" + std::string(kDisconnectCauses[i]) + "\",probe=\"A1\"}";
    EXPECT_EQ(Exposed(set_, series), 0);
    probe->OnDisconnect(static_cast<DisconnectCause>(i));
    EXPECT_EQ(Exposed(set_, series), 1);
  }
}

// --- The catalog's gauges

class CatalogMetricsTest : public testing::Test {
 protected:
  CatalogMetricsTest() {
    server.metric_set.BeforeExpose([this] { server.catalog.RefreshMetrics(); });
  }
  double Gauge(const std::string& name, const std::string& more_labels = "") {
    return Exposed(server.metric_set, name + "{probe=\"A1\"" + more_labels + "}").value_or(-1);
  }
  std::vector<double> States() {
    std::vector<double> values;
    for (const char* state : {"idle", "in_use", "away"}) {
      values.push_back(Gauge("probegate_probe_state", ",state=\"" + std::string(state) + "\""));
    }
    return values;
  }
  SessionRegistry::Opened Open() {
    v1::OpenSessionRequest request;
    request.set_probe("A1");
    return *server.sessions.Open(request, Caller({"p", "p"}), [](const absl::Status&) {});
  }
  // Sends a request and waits for the answer.
  static void Call(const SessionRegistry::Opened& opened, const v1::StreamRequest& request) {
    std::atomic<bool> answered = false;
    opened.session.session()->Submit(request, [&](const v1::StreamResponse&) { answered = true; });
    EXPECT_TRUE(Eventually([&] { return answered.load(); }));
  }

  ServerFixture server{{.catalog = {.lane = {.presence_interval = 1ms}}}};
};

TEST_F(CatalogMetricsTest, StateAndPresenceFollowTheProbe) {
  const auto wire = server.Plug("A1");
  EXPECT_EQ(Gauge("probegate_probe_present"), 1);
  EXPECT_EQ(States(), (std::vector<double>{1, 0, 0}));
  const auto opened = Open();
  v1::StreamRequest open;
  open.mutable_open();
  Call(opened, open);
  EXPECT_EQ(Gauge("probegate_sessions"), 1);
  EXPECT_EQ(States(), (std::vector<double>{0, 1, 0}));
  wire->Unplug();
  ASSERT_TRUE(Eventually([&] { return server.IsAway("A1"); }));
  EXPECT_EQ(Gauge("probegate_probe_present"), 0);
  EXPECT_EQ(Gauge("probegate_sessions"), 0);
  EXPECT_EQ(States(), (std::vector<double>{0, 0, 1}));
  EXPECT_EQ(Exposed(server.metric_set, "probegate_probe_disconnects_total{cause=\"link_closed\",probe=\"A1\"}"), 1);
}

TEST_F(CatalogMetricsTest, TheQueueAndTheLockAreShown) {
  server.Plug("A1");
  const auto holder = Open();
  const auto waiter = Open();
  v1::StreamRequest lock;
  lock.mutable_lock();
  Call(holder, lock);
  for (int i = 0; i < 3; ++i) waiter.session.session()->Submit(lock, [](const v1::StreamResponse&) {});
  EXPECT_EQ(Gauge("probegate_lock_held"), 1);
  EXPECT_EQ(Gauge("probegate_lock_waiters"), 1);
  EXPECT_EQ(Gauge("probegate_queue_depth"), 3);
  const auto stats = server.catalog.Stats();
  ASSERT_EQ(stats.size(), 1u);
  EXPECT_EQ(stats[0].status.session_count(), 2u);
  EXPECT_TRUE(stats[0].lock_held);
  EXPECT_EQ(stats[0].lock_waiters, 1u);
  EXPECT_EQ(stats[0].queue_depth, 3u);
  EXPECT_EQ(stats[0].commands, 1u);
  EXPECT_EQ(stats[0].command_failures, 0u);
  EXPECT_EQ(stats[0].command_wait.count, 1u);
}

TEST_F(CatalogMetricsTest, MetricsCanBeReadWhileProbesComeAndGo) {
  std::atomic<bool> stop = false;
  std::thread asker([&] {
    while (!stop) {
      EXPECT_THAT(server.metric_set.Expose(), HasSubstr("probegate_commands_total"));
      EXPECT_LE(server.catalog.Stats().size(), 1u);
    }
  });
  for (int round = 0; round < 5; ++round) {
    const auto wire = server.Plug("A1");
    {
      const auto opened = Open();
      v1::StreamRequest request;
      request.mutable_get_state();
      Call(opened, request);
    }
    wire->Unplug();
    EXPECT_TRUE(Eventually([&] { return server.IsAway("A1"); }));
  }
  stop = true;
  asker.join();
  EXPECT_EQ(Gauge("probegate_sessions_opened_total"), 5);
  EXPECT_EQ(SumExposed(server.metric_set, "probegate_sessions_ended_total"), 5);
  EXPECT_EQ(SumExposed(server.metric_set, "probegate_probe_disconnects_total"), 5);
}

}  // namespace
}  // namespace probegate
