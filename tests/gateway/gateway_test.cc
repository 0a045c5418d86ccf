#include "gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "asio/executor_work_guard.hpp"
#include "telemetry/accept_log.h"
#include "tests/base/bounded_wait.h"
#include "tests/gateway/fake_upstream.h"
#include "tests/gateway/io_thread.h"
#include "tests/gateway/test_client.h"
#include "tests/telemetry/exposed.h"
#include "tests/telemetry/log_capture.h"

namespace probegate {
namespace {

constexpr char kServerUp[] = "server_up{address=\"server:1\",server=\"server:1\"}";

// A port on which no program listens now. Another program may take it, so the tests use only a few ports.
uint16_t FreePort() {
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  return acceptor.local_endpoint().port();
}

v1::WatchProbesResponse Probe(const std::string& unique_id) {
  v1::WatchProbesResponse event;
  event.mutable_changed()->mutable_description()->set_unique_id(unique_id);
  event.mutable_changed()->mutable_description()->set_description("Probe " + unique_id);
  event.mutable_changed()->set_state(v1::PROBE_STATE_IDLE);
  return event;
}

v1::WatchProbesResponse SnapshotComplete() {
  v1::WatchProbesResponse event;
  event.set_snapshot_complete(true);
  return event;
}

class GatewayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "gateway_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.fleet.servers = {{"server", 1}};
    options_.first_port = FreePort();
  }
  void TearDown() override {
    if (gateway_) gateway_->Stop("the test is over");
    thread_.reset();
    std::filesystem::remove_all(directory_);
  }

  // Makes the gateway. The test runs its io_context.
  void Make(std::map<std::string, uint16_t> fixed = {}, Gateway::Chooser choose = nullptr) {
    ports_ = std::make_unique<PortMap>(*PortMap::Open(directory_, std::move(fixed)));
    gateway_ = std::make_unique<Gateway>(
        io_, upstreams_, [](const Endpoint& server) { return std::vector<std::string>{server.ToString()}; }, *ports_,
        options_, std::move(choose), [this] { work_.reset(); }, *accept_loop_, bounds_, metrics_, uncounted_, log_);
    gateway_->Start();
  }
  void Start(std::map<std::string, uint16_t> fixed = {}, Gateway::Chooser choose = nullptr) {
    Make(std::move(fixed), std::move(choose));
    thread_.emplace(io_);
  }
  // Waits until the gateway has stopped by itself.
  int ExitCode() {
    thread_->Join();
    return gateway_->exit_code();
  }
  // The unique ID of the probe that is served on `port`. Waits until the port is served.
  static std::string ServedOn(uint16_t port) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      try {
        return TestClient(port).Ask(R"({"id": 1, "request": "readprop", "arguments": ["unique_id"]})");
      } catch (const std::exception&) {
        std::this_thread::yield();
      }
    }
    return "nobody";
  }
  double Metric(const std::string& name) {
    return Exposed(metric_set_.Expose(), "probegate_gateway_" + name).value_or(-1);
  }
  // Waits until the gateway's list of what is missing begins with `begin` (if that is empty: until nothing is missing),
  // and returns the list.
  std::string WaitForMissing(const std::string& begin) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (true) {
      std::string text;
      for (const std::string& line : gateway_->Missing()) text += (text.empty() ? "" : "; ") + line;
      const bool there = begin.empty() ? text.empty() : text.starts_with(begin);
      if (there || std::chrono::steady_clock::now() > deadline) return text;
      std::this_thread::yield();
    }
  }
  static std::string UniqueId(const std::string& unique_id) {
    return R"({"id": 1, "status": 0, "result": ")" + unique_id + "\"}";
  }

  std::filesystem::path directory_;
  GatewayOptions options_;
  MetricSet metric_set_;
  GatewayMetrics metrics_{metric_set_};
  Uncounted uncounted_;
  Log log_{LogFormat::kText, LogLevel::kWarning};
  ClientBounds bounds_{{.connections = {.all = 100, .per_client = 100},
                        .memory = {.all = uint64_t{1} << 30, .per_client = uint64_t{1} << 30}},
                       metrics_,
                       log_};
  // Declared before the upstreams, whose handlers still hold strands of it when they are destroyed.
  asio::io_context io_;
  FakeUpstreams upstreams_{&SucceedAtOnce};
  FakeUpstream& upstream_ = upstreams_.At("server:1");
  AcceptLog accept_log_{log_};
  const std::unique_ptr<AcceptLoop> accept_loop_ = *AcceptLoop::Start(accept_log_);
  // Keeps `io_` running until the gateway stops, as the program's wait for signals does.
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<PortMap> ports_;
  std::unique_ptr<Gateway> gateway_;
  std::optional<IoThread> thread_;
};

TEST_F(GatewayTest, TheOnlyProbeGetsTheFirstPort) {
  options_.first_port_given = true;
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("A"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A"));
}

TEST_F(GatewayTest, FixedPortsAndLaterProbes) {
  const uint16_t fixed = FreePort();
  Start({{"B", fixed}});
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("A"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A"));
  watch.on_event(Probe("B"));
  EXPECT_EQ(ServedOn(fixed), UniqueId("B"));
}

TEST_F(GatewayTest, PartOfAUniqueIdIsEnough) {
  options_.probes = {"bc2"};
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("ABC1"));
  watch.on_event(Probe("ABC2"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("ABC2"));
}

TEST_F(GatewayTest, AWholeUniqueIdWinsOverAPart) {
  options_.probes = {"ABC"};
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("ABCD"));
  watch.on_event(Probe("ABC"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("ABC"));
}

TEST_F(GatewayTest, AWholeUniqueIdWinsRegardlessOfCase) {
  options_.probes = {"abc"};
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("ABCD"));
  watch.on_event(Probe("ABC"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("ABC"));
}

TEST_F(GatewayTest, FixedPortsMatchWholeUniqueIdsRegardlessOfCase) {
  const uint16_t whole = FreePort();
  Start({{"abcd", whole}, {"XY", FreePort()}});
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("ABCD"));
  watch.on_event(Probe("XYZ"));
  LogCapture capture(log_);
  watch.on_event(SnapshotComplete());
  // A second snapshot, as after a restart of the server, logs nothing more.
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(whole), UniqueId("ABCD"));
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("XYZ"));
  const std::string log = capture.Text();
  const size_t warning = log.find("--map XY=");
  EXPECT_NE(warning, std::string::npos) << log;
  EXPECT_EQ(log.find("warning --map", warning), std::string::npos) << log;
}

TEST_F(GatewayTest, APartThatMatchesSeveralProbesIsRefused) {
  options_.probes = {"ABC"};
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("ABC1"));
  watch.on_event(Probe("ABC2"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ExitCode(), 1);
}

TEST_F(GatewayTest, APortInUseEndsTheGatewayOfOneProbe) {
  asio::io_context io;
  const asio::ip::tcp::acceptor taken(io,
                                      asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), options_.first_port));
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("A"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ExitCode(), 1);
}

TEST_F(GatewayTest, AsksWhichOfSeveralProbesToServe) {
  std::vector<std::string> offered;
  Start({}, [&](const std::vector<v1::ProbeDescription>& probes, const auto& chosen) {
    for (const auto& probe : probes) offered.push_back(probe.unique_id());
    chosen("B");
  });
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("B"));
  watch.on_event(Probe("A"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("B"));
  EXPECT_EQ(offered, (std::vector<std::string>{"A", "B"}));
}

TEST_F(GatewayTest, TheUserMayQuit) {
  Start({}, [](const auto&, const auto& chosen) { chosen(std::nullopt); });
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("A"));
  watch.on_event(Probe("B"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ExitCode(), 0);
}

TEST_F(GatewayTest, WithoutWaitingAMissingServerEndsTheGateway) {
  options_.wait = false;
  Start();
  upstream_.WaitForWatch(0).on_end(WatchEnd::kUnreachable, "connection refused");
  EXPECT_EQ(ExitCode(), 1);
}

TEST_F(GatewayTest, WithoutWaitingAMissingProbeEndsTheGateway) {
  options_.wait = false;
  options_.probes = {"nobody"};
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("A"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ExitCode(), 1);
}

TEST_F(GatewayTest, AnIncompatibleServerEndsTheGateway) {
  Start();
  upstream_.WaitForWatch(0).on_end(WatchEnd::kIncompatible, "unknown service");
  EXPECT_EQ(ExitCode(), 1);
}

TEST_F(GatewayTest, AServerThatComesBackIsWatchedAgain) {
  Start();
  upstream_.WaitForWatch(0).on_end(WatchEnd::kUnreachable, "connection refused");
  const auto first = upstream_.WaitForWatch(1);
  first.on_event(Probe("A"));
  first.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A"));
  first.on_end(WatchEnd::kUnreachable, "connection reset");
  const auto second = upstream_.WaitForWatch(2);
  // A probe that the server no longer has keeps its port.
  second.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A"));
}

TEST_F(GatewayTest, OnlyAServerThatWasConnectedBeforeCountsAsReconnected) {
  Start();
  const auto none = upstream_.WaitForWatch(0);
  EXPECT_EQ(Metric(kServerUp), 0);
  none.on_end(WatchEnd::kUnreachable, "connection refused");
  const auto first = upstream_.WaitForWatch(1);
  first.on_event(Probe("A"));
  first.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A"));
  EXPECT_EQ(Metric(kServerUp), 1);
  EXPECT_EQ(Metric("server_reconnects_total"), 0);
  EXPECT_EQ(Metric("ports"), 1);
  first.on_end(WatchEnd::kUnreachable, "connection reset");
  const auto second = upstream_.WaitForWatch(2);
  EXPECT_EQ(Metric(kServerUp), 0);
  second.on_event(Probe("A"));
  second.on_event(SnapshotComplete());
  EXPECT_EQ(WaitForMissing(""), "");
  EXPECT_EQ(Metric(kServerUp), 1);
  EXPECT_EQ(Metric("server_reconnects_total"), 1);
  EXPECT_EQ(Metric("ports"), 1);
}

TEST_F(GatewayTest, SaysWhyItIsNotReady) {
  Start();
  EXPECT_EQ(WaitForMissing("the server at server:1 has not answered yet"),
            "the server at server:1 has not answered yet; no debug probe is served yet");
  upstream_.WaitForWatch(0).on_end(WatchEnd::kUnreachable, "connection refused");
  const auto watch = upstream_.WaitForWatch(1);
  EXPECT_EQ(WaitForMissing("cannot reach the server at server:1"),
            "cannot reach the server at server:1 (connection refused); no debug probe is served yet");
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(WaitForMissing("no debug probe is served yet"), "no debug probe is served yet");
  watch.on_event(Probe("A"));
  EXPECT_EQ(WaitForMissing(""), "");
  watch.on_end(WatchEnd::kUnreachable, "connection reset");
  EXPECT_EQ(WaitForMissing("cannot reach the server at server:1"),
            "cannot reach the server at server:1 (connection reset)");
  gateway_->Stop("the test is over");
  EXPECT_EQ(ExitCode(), 0);
  EXPECT_EQ(WaitForMissing("the gateway is stopping"), "the gateway is stopping");
  EXPECT_EQ(Metric("ports"), 0);
}

TEST_F(GatewayTest, NamesAProbeWhosePortCannotBeOpened) {
  asio::io_context io;
  const asio::ip::tcp::acceptor taken(io,
                                      asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), options_.first_port));
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("A"));
  watch.on_event(Probe("B"));
  watch.on_event(SnapshotComplete());
  const std::string problem = "port " + std::to_string(options_.first_port) + ", wanted for debug probe A, ";
  EXPECT_THAT(WaitForMissing(problem), ::testing::StartsWith(problem));
}

// Two servers, of which the second is unreachable at first.
class GatewayOfTwoServers : public GatewayTest {
 protected:
  void SetUp() override {
    GatewayTest::SetUp();
    options_.fleet.servers = {{"server", 1}, {"other", 1}};
  }
  // Returns the first server's watch, and the second server's watch of the next attempt.
  std::pair<WatchHandler, WatchHandler> StartWithOne(const std::vector<std::string>& probes) {
    Start();
    const auto first = upstream_.WaitForWatch(0);
    other_.WaitForWatch(0).on_end(WatchEnd::kUnreachable, "connection refused");
    for (const std::string& unique_id : probes) first.on_event(Probe(unique_id));
    first.on_event(SnapshotComplete());
    return {first, other_.WaitForWatch(1)};
  }

  FakeUpstream& other_ = upstreams_.At("other:1");
};

TEST_F(GatewayOfTwoServers, APortInUseLaterAffectsOnlyItsProbe) {
  asio::io_context io;
  const uint16_t next = options_.first_port + 1;
  const asio::ip::tcp::acceptor taken(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), next));
  const auto [first, second] = StartWithOne({"A"});
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A"));
  second.on_event(Probe("B"));
  second.on_event(SnapshotComplete());
  const std::string problem = "port " + std::to_string(next) + ", wanted for debug probe B, ";
  EXPECT_THAT(WaitForMissing(problem), ::testing::StartsWith(problem));
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A"));
}

TEST_F(GatewayOfTwoServers, APartOfAnIdThatBecomesAmbiguousSelectsNoFurtherProbe) {
  options_.probes = {"A1", "B"};
  const auto [first, second] = StartWithOne({"A1"});
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A1"));
  LogCapture capture(log_);
  second.on_event(Probe("B1"));
  second.on_event(Probe("B2"));
  second.on_event(SnapshotComplete());
  // Another report from each server; after these, everything above has been processed.
  first.on_event(Probe("A1"));
  second.on_event(Probe("B1"));
  EXPECT_EQ(WaitForMissing(""), "");
  AwaitTrue([&] { return Metric("server_up{address=\"other:1\",server=\"other:1\"}") == 1; }, "other:1 is up");
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("A1"));
  EXPECT_EQ(Metric("ports"), 1);
  gateway_->Stop("the test is over");
  EXPECT_EQ(ExitCode(), 0);
  EXPECT_THAT(capture.Text(), ::testing::HasSubstr("--uid B matches several debug probes"));
}

TEST_F(GatewayOfTwoServers, APartOfAnIdWaitsForServersThatMayHaveAnotherMatch) {
  options_.probes = {"ABC"};
  const auto [first, second] = StartWithOne({"ABCD"});
  EXPECT_EQ(WaitForMissing("no debug probe is served yet"), "no debug probe is served yet");
  second.on_event(Probe("ABC"));
  second.on_event(SnapshotComplete());
  EXPECT_EQ(ServedOn(options_.first_port), UniqueId("ABC"));
  EXPECT_EQ(Metric("ports"), 1);
}

TEST_F(GatewayTest, WithWholeUidAPartDoesNotMatch) {
  options_.probes = {"ABC"};
  options_.whole_ids = true;
  options_.wait = false;
  Start();
  const auto watch = upstream_.WaitForWatch(0);
  watch.on_event(Probe("ABCD"));
  watch.on_event(SnapshotComplete());
  EXPECT_EQ(ExitCode(), 1);
}

// The gateway runs on one strand, so anything that takes long there delays the stop signal.
TEST_F(GatewayTest, AStopTakesEffectWhileManyPortsAreOpened) {
  options_.fleet.servers = {{"127.0.0.1", 1}};
  options_.first_port = 0;
  constexpr int kProbes = 200;
  Make();
  io_.poll();
  const auto watch = upstreams_.At("127.0.0.1:1").WaitForWatch(0);
  for (int i = 0; i < kProbes; ++i) watch.on_event(Probe("P" + std::to_string(i)));
  watch.on_event(SnapshotComplete());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (Metric("ports") == 0 && std::chrono::steady_clock::now() < deadline) io_.poll_one();
  const double served = Metric("ports");
  EXPECT_GT(served, 0);
  EXPECT_LT(served, kProbes / 2);
  gateway_->Stop("the test is over");
  io_.run_for(std::chrono::seconds(30));
  EXPECT_TRUE(io_.stopped());
  EXPECT_EQ(gateway_->exit_code(), 0);
}

}  // namespace
}  // namespace probegate
