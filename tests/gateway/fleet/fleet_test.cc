#include "gateway/fleet/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <thread>

#include "asio/executor_work_guard.hpp"
#include "asio/post.hpp"
#include "tests/base/bounded_wait.h"
#include "tests/gateway/fake_upstream.h"
#include "tests/gateway/io_thread.h"
#include "tests/telemetry/exposed.h"
#include "tests/telemetry/log_capture.h"

namespace probegate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::WatchProbesResponse Probe(const std::string& unique_id, v1::ProbeState state = v1::PROBE_STATE_IDLE) {
  v1::WatchProbesResponse event;
  event.mutable_changed()->mutable_description()->set_unique_id(unique_id);
  event.mutable_changed()->set_state(state);
  return event;
}

v1::WatchProbesResponse EndOfList() {
  v1::WatchProbesResponse event;
  event.set_snapshot_complete(true);
  return event;
}

// A resolver whose answers the test sets. Threads: any.
class Names {
 public:
  void Set(const std::string& name, absl::StatusOr<std::vector<std::string>> addresses) {
    const MutexLock lock(mutex_);
    names_.insert_or_assign(name, std::move(addresses));
  }
  absl::StatusOr<std::vector<std::string>> LookUp(const std::string& name) {
    const MutexLock lock(mutex_);
    const auto found = names_.find(name);
    return found == names_.end() ? absl::NotFoundError("no such name") : found->second;
  }

 private:
  Mutex mutex_;
  std::map<std::string, absl::StatusOr<std::vector<std::string>>> names_ ABSL_GUARDED_BY(mutex_);
};

class FleetTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (!fleet_) return;
    asio::post(strand_, [this] { fleet_->Stop(); });
    work_.reset();
    thread_->Join();
  }

  void Start(std::vector<Endpoint> servers) {
    Fleet::Handler handler{.on_probe =
                               [this](const v1::ProbeDescription& probe, const std::shared_ptr<Upstream>& upstream) {
                                 const MutexLock lock(mutex_);
                                 at_[probe.unique_id()] = upstream.get();
                                 changed_.NotifyAll();
                               },
                           .on_change =
                               [this] {
                                 const MutexLock lock(mutex_);
                                 settled_ = fleet_->settled();
                                 problem_ = fleet_->problem();
                                 changed_.NotifyAll();
                               }};
    fleet_ = std::make_unique<Fleet>(
        strand_, upstreams_,
        FleetOptions{.servers = std::move(servers), .lookup_interval = std::chrono::milliseconds(1)},
        [names = names_](const Endpoint& server) { return names->LookUp(server.ToString()); }, std::move(handler),
        state_, log_);
    asio::post(strand_, [this] { fleet_->Start(); });
    thread_.emplace(io_);
  }

  // Watch number `index` on the server at this address begins, and lists these probes.
  WatchHandler List(const std::string& address, size_t index, const std::vector<std::string>& probes) {
    WatchHandler watch = upstreams_.At(address).WaitForWatch(index);
    for (const std::string& unique_id : probes) watch.on_event(Probe(unique_id));
    watch.on_event(EndOfList());
    return watch;
  }

  bool WaitUntilAt(const std::string& unique_id, const std::string& address) {
    const Upstream* wanted = &upstreams_.At(address);
    const MutexLock lock(mutex_);
    return WaitFor(mutex_, changed_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return at_.contains(unique_id) && at_[unique_id] == wanted;
    });
  }
  bool WaitUntilSettled() {
    const MutexLock lock(mutex_);
    return WaitFor(mutex_, changed_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return settled_; });
  }
  // Waits until the fleet has processed everything reported so far.
  void Sync() {
    std::promise<void> done;
    asio::post(strand_, [&] { done.set_value(); });
    Awaited(done.get_future(), "the strand gets to it");
  }
  bool WaitForUp(const std::string& name, const std::string& address, double value) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      if (Exposed(metric_set_.Expose(),
                  "probegate_gateway_server_up{address=\"" + address + "\",server=\"" + name + "\"}")
              .value_or(-1) == value) {
        return true;
      }
      std::this_thread::yield();
    }
    return false;
  }

  // Whether the server is shown as up under this name.
  bool IsShownAs(const std::string& name, const std::string& address) {
    const std::string series = "probegate_gateway_server_up{address=\"" + address + "\",server=\"" + name + "\"}";
    return Exposed(metric_set_.Expose(), series).has_value();
  }
  // Empty unless all servers are incompatible.
  std::string Incompatible() {
    std::promise<std::string> said;
    asio::post(strand_, [&] { said.set_value(fleet_->incompatible().value_or("")); });
    return Awaited(said.get_future(), "the strand gets to it");
  }

  MetricSet metric_set_;
  GatewayMetrics metrics_{metric_set_};
  asio::io_context io_;
  Strand strand_{asio::make_strand(io_)};
  FakeUpstreams upstreams_{&SucceedAtOnce};
  // Look-ups may outlive the test.
  const std::shared_ptr<Names> names_ = std::make_shared<Names>();
  Log log_{LogFormat::kText, LogLevel::kInfo};
  ServingState state_{metrics_};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Upstream*> at_ ABSL_GUARDED_BY(mutex_);
  bool settled_ ABSL_GUARDED_BY(mutex_) = false;
  std::string problem_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Fleet> fleet_;
  std::optional<IoThread> thread_;
};

TEST_F(FleetTest, AnAddressIsNotLookedUp) {
  Start({{"10.0.0.1", 1}, {"::1", 2}});
  List("10.0.0.1:1", 0, {"A"});
  List("[::1]:2", 0, {"B"});
  EXPECT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  EXPECT_TRUE(WaitUntilAt("B", "[::1]:2"));
  EXPECT_TRUE(WaitUntilSettled());
}

TEST_F(FleetTest, ANameStandsForAsManyServersAsItHasAddresses) {
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.1:1", "10.0.0.2:1"});
  Start({{"lab", 1}});
  List("10.0.0.1:1", 0, {"A"});
  List("10.0.0.2:1", 0, {"B"});
  EXPECT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  EXPECT_TRUE(WaitUntilAt("B", "10.0.0.2:1"));
  EXPECT_TRUE(WaitUntilSettled());
  EXPECT_TRUE(WaitForUp("lab:1", "10.0.0.2:1", 1));
}

TEST_F(FleetTest, AServerThatMovesToAnotherAddressTakesItsProbesAlong) {
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.1:1", "10.0.0.2:1"});
  Start({{"lab", 1}});
  const WatchHandler first = List("10.0.0.1:1", 0, {"A"});
  const WatchHandler second = List("10.0.0.2:1", 0, {"B"});
  ASSERT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  first.on_end(WatchEnd::kUnreachable, "connection reset");
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.2:1", "10.0.0.3:1"});
  List("10.0.0.3:1", 0, {"A"});
  EXPECT_TRUE(WaitUntilAt("A", "10.0.0.3:1"));
  EXPECT_TRUE(WaitForUp("lab:1", "10.0.0.1:1", -1)) << "the old address is still shown";
  // The other server has not been asked again.
  second.on_event(Probe("C"));
  EXPECT_TRUE(WaitUntilAt("C", "10.0.0.2:1"));
}

TEST_F(FleetTest, AServerWhoseAddressLeftTheNameIsKeptWhileConnected) {
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.1:1", "10.0.0.2:1"});
  Start({{"lab", 1}});
  const WatchHandler first = List("10.0.0.1:1", 0, {"A"});
  ASSERT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.3:1"});
  List("10.0.0.3:1", 0, {});
  first.on_event(Probe("B"));
  EXPECT_TRUE(WaitUntilAt("B", "10.0.0.1:1"));
  first.on_end(WatchEnd::kUnreachable, "connection reset");
  EXPECT_TRUE(WaitForUp("lab:1", "10.0.0.1:1", -1));
}

TEST_F(FleetTest, ANameThatCannotBeLookedUpKeepsItsAddresses) {
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.1:1"});
  Start({{"lab", 1}});
  const WatchHandler first = List("10.0.0.1:1", 0, {"A"});
  ASSERT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  names_->Set("lab:1", absl::UnavailableError("no name server"));
  first.on_end(WatchEnd::kUnreachable, "connection reset");
  List("10.0.0.1:1", 1, {"A", "B"});
  EXPECT_TRUE(WaitUntilAt("B", "10.0.0.1:1"));
}

TEST_F(FleetTest, ANameThatNoLongerHasAnAddressLosesItsServers) {
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.1:1"});
  Start({{"lab", 1}});
  const WatchHandler first = List("10.0.0.1:1", 0, {"A"});
  ASSERT_TRUE(WaitForUp("lab:1", "10.0.0.1:1", 1));
  names_->Set("lab:1", absl::NotFoundError("no such name"));
  first.on_end(WatchEnd::kUnreachable, "connection reset");
  EXPECT_TRUE(WaitForUp("lab:1", "10.0.0.1:1", -1));
  EXPECT_TRUE(WaitForUp("lab:1", "", 0));
}

TEST_F(FleetTest, WaitsForAnUnknownName) {
  Start({{"lab", 1}});
  ASSERT_TRUE(WaitUntilSettled());
  {
    const MutexLock lock(mutex_);
    EXPECT_EQ(problem_, "the server lab:1: no such name");
  }
  EXPECT_TRUE(WaitForUp("lab:1", "", 0));
  EXPECT_THAT(state_.Missing(), ElementsAre("the server lab:1: no such name", "no debug probe is served yet"));
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.1:1"});
  List("10.0.0.1:1", 0, {"A"});
  EXPECT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  EXPECT_TRUE(WaitForUp("lab:1", "", -1));
}

TEST_F(FleetTest, AnAddressSharedByTwoNamesIsOneServer) {
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.1:1"});
  names_->Set("alias:1", std::vector<std::string>{"10.0.0.1:1"});
  Start({{"lab", 1}, {"alias", 1}});
  const WatchHandler first = List("10.0.0.1:1", 0, {"A"});
  ASSERT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  ASSERT_TRUE(WaitUntilSettled());
  // The server is dropped only with the last of its names.
  first.on_end(WatchEnd::kUnreachable, "connection reset");
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.2:1"});
  List("10.0.0.2:1", 0, {});
  List("10.0.0.1:1", 1, {"B"});
  EXPECT_TRUE(WaitUntilAt("B", "10.0.0.1:1"));
}

TEST_F(FleetTest, IsSettledWhenEachServerHasAnsweredOrFailed) {
  Start({{"10.0.0.1", 1}, {"10.0.0.2", 1}});
  List("10.0.0.1:1", 0, {"A"});
  ASSERT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  Sync();
  {
    const MutexLock lock(mutex_);
    EXPECT_FALSE(settled_);
  }
  upstreams_.At("10.0.0.2:1").WaitForWatch(0).on_end(WatchEnd::kUnreachable, "connection refused");
  EXPECT_TRUE(WaitUntilSettled());
}

TEST_F(FleetTest, RefusesAndReportsASecondServersProbeWithTheSameId) {
  LogCapture capture(log_);
  Start({{"10.0.0.1", 1}, {"10.0.0.2", 1}});
  const WatchHandler first = List("10.0.0.1:1", 0, {"A"});
  ASSERT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  List("10.0.0.2:1", 0, {"A", "B"});
  ASSERT_TRUE(WaitUntilAt("B", "10.0.0.2:1"));
  EXPECT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
  EXPECT_THAT(capture.Text(),
              HasSubstr("debug probe A is on two servers: the one at 10.0.0.1:1 is kept, the one at 10.0.0.2:1 is not "
                        "served"));
  first.on_event(Probe("A", v1::PROBE_STATE_AWAY));
  EXPECT_TRUE(WaitUntilAt("A", "10.0.0.2:1"));
}

TEST_F(FleetTest, AListCountsOnlyWhenItIsComplete) {
  Start({{"10.0.0.1", 1}});
  const WatchHandler watch = upstreams_.At("10.0.0.1:1").WaitForWatch(0);
  watch.on_event(Probe("A"));
  Sync();
  {
    const MutexLock lock(mutex_);
    EXPECT_TRUE(at_.empty());
  }
  watch.on_event(EndOfList());
  EXPECT_TRUE(WaitUntilAt("A", "10.0.0.1:1"));
}

TEST_F(FleetTest, BoundsTheProbesOfAServer) {
  Start({{"10.0.0.1", 1}});
  std::vector<std::string> probes = {"", std::string(1000, 'x')};
  for (int i = 0; i < 5000; ++i) probes.push_back("P" + std::to_string(i));
  List("10.0.0.1:1", 0, probes);
  ASSERT_TRUE(WaitUntilAt("P4095", "10.0.0.1:1"));
  const MutexLock lock(mutex_);
  EXPECT_EQ(at_.size(), 4096U);
}

TEST_F(FleetTest, AnAddressIsShownUnderANameThatItStillHas) {
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.1:1"});
  names_->Set("alias:1", std::vector<std::string>{"10.0.0.1:1"});
  Start({{"lab", 1}, {"alias", 1}});
  List("10.0.0.1:1", 0, {"A"});
  ASSERT_TRUE(WaitUntilSettled());
  const bool first = IsShownAs("lab:1", "10.0.0.1:1");
  names_->Set(first ? "lab:1" : "alias:1", std::vector<std::string>{"10.0.0.2:1"});
  EXPECT_TRUE(WaitForUp(first ? "alias:1" : "lab:1", "10.0.0.1:1", 1));
  EXPECT_TRUE(WaitForUp(first ? "lab:1" : "alias:1", "10.0.0.1:1", -1));
}

TEST_F(FleetTest, ReportsIfAllServersAreIncompatible) {
  Start({{"10.0.0.1", 1}, {"lab", 1}});
  upstreams_.At("10.0.0.1:1").WaitForWatch(0).on_end(WatchEnd::kIncompatible, "unknown service");
  ASSERT_TRUE(WaitUntilSettled());
  EXPECT_EQ(Incompatible(), "");
  names_->Set("lab:1", std::vector<std::string>{"10.0.0.2:1"});
  upstreams_.At("10.0.0.2:1").WaitForWatch(0).on_end(WatchEnd::kIncompatible, "unknown service");
  EXPECT_TRUE(WaitForUp("lab:1", "10.0.0.2:1", 0));
  Sync();
  EXPECT_THAT(Incompatible(), HasSubstr("does not speak probegate.v1 (unknown service)"));
}

}  // namespace
}  // namespace probegate
