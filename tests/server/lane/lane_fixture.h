// A lane with a fake probe, and the requests that its tests send.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "probe/error.h"
#include "server/catalog/description.h"
#include "server/lane/lane.h"
#include "server/metrics/server_metrics.h"
#include "tests/fakes/fake_probe.h"
#include "tests/server/server_fixture.h"

namespace probegate {

inline constexpr uint32_t kRam = 0x20000000;

// Records events in their order. Tests wait until there are enough.
class Diary {
 public:
  void Add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::vector<std::string> WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kBound, [&] { return lines_.size() >= count; }))
        << "timed out waiting for " << count << " lines; there are " << lines_.size();
    return lines_;
  }
  std::vector<std::string> lines() { return WaitFor(0); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class Events : public LaneEvents {
 public:
  void OnProbeGone(const std::string& unique_id, const absl::Status&) override { diary.Add("gone " + unique_id); }
  void OnUsageChanged(const std::string&) override {}
  void OnProbeReset(const SessionSnapshot& by) override { diary.Add("reset by " + by.client.name()); }
  void OnLockTaken(const SessionSnapshot& holder) override { locks.Add(holder.client.name()); }
  void OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) override {
    diary.Add("broken " + holder.client.name() + " for " + waiter.client.name());
  }
  Diary diary;
  Diary locks;  // who took the lock for the first time
};

class LaneTest : public testing::Test {
 protected:
  // By default, locks are held long enough that no test loses one by accident.
  explicit LaneTest(LaneOptions options = {.lock_idle = std::chrono::hours(1), .lock_max = std::chrono::hours(1)},
                    LogLevel log_level = LogLevel::kError, ProbeInfo info = FakeWire::DefaultInfo("FAKE0001"))
      : wire_(std::make_shared<FakeWire>(FakeBoardOptions{}, std::move(info))),
        log_(LogFormat::kText, log_level),
        metrics_(server_metrics_.OnProbeHere(Describe(wire_->info()))),
        lane_(Lane::Make(std::make_unique<FakeProbe>(wire_),
                         {.options = options, .events = events_, .metrics = metrics_, .log = log_})) {
    EXPECT_TRUE(lane_->Start().ok());
  }
  ~LaneTest() override { lane_->Stop(MakeError(ErrorKind::kProbeDisconnected, "the test is over")); }

  // A session of the client whose key is `client_key`; if it is empty, of a client of its own.
  std::shared_ptr<Session> Open(const std::string& name, const std::string& client_key = {}) {
    v1::ClientInfo client;
    client.set_name(name);
    return lane_
        ->OpenSession(
            SessionId::Random(), {.client = client, .key = client_key.empty() ? name : client_key},
            [this, name](const SessionEnd& end) { diary_.Add(name + " ended: " + std::string(end.why.message())); })
        .value();
  }

  void Send(Session& session, v1::StreamRequest request, const std::string& note) {
    session.Submit(std::move(request), [this, note](const v1::StreamResponse& response) {
      diary_.Add(note + (response.has_error() ? " error " + v1::ErrorKind_Name(response.error().kind()) : ""));
    });
  }

  // Sends a request and waits for the answer.
  v1::StreamResponse Call(Session& session, v1::StreamRequest request) {
    struct Answer {
      std::mutex mutex;
      std::condition_variable changed;
      std::optional<v1::StreamResponse> response;
    };
    const auto answer = std::make_shared<Answer>();  // may arrive after the time limit
    session.Submit(std::move(request), [answer](v1::StreamResponse response) {
      const std::lock_guard lock(answer->mutex);
      answer->response = std::move(response);
      answer->changed.notify_all();
    });
    std::unique_lock lock(answer->mutex);
    EXPECT_TRUE(answer->changed.wait_for(lock, kBound, [&] { return answer->response.has_value(); }))
        << "a command was not answered";
    return answer->response.value_or(v1::StreamResponse());
  }

  // Opens, connects and wakes the DP.
  void Attach(Session& session) {
    EXPECT_TRUE(Call(session, Request([](auto& r) { r.mutable_open(); })).has_open());
    EXPECT_TRUE(Call(session, Request([](auto& r) { r.mutable_connect(); })).has_connect());
    EXPECT_TRUE(Call(session, Request([](auto& r) { r.mutable_get_memory_interface_for_ap()->set_ap_version(1); }))
                    .get_memory_interface_for_ap()
                    .has_handle());
  }

  static v1::StreamRequest Request(const std::function<void(v1::StreamRequest&)>& fill) {
    v1::StreamRequest request;
    fill(request);
    return request;
  }
  static v1::StreamRequest Lock() {
    return Request([](auto& r) { r.mutable_lock(); });
  }
  static v1::StreamRequest Unlock() {
    return Request([](auto& r) { r.mutable_unlock(); });
  }
  static v1::StreamRequest ReadDp() {
    return Request([](auto& r) { r.mutable_read_dp()->set_address(4); });
  }
  static v1::StreamRequest GetState() {
    return Request([](auto& r) { r.mutable_get_state(); });
  }
  static v1::StreamRequest ReadBlock(uint32_t bytes) {
    return Request([&](auto& r) {
      r.mutable_read_block8()->set_address(kRam);
      r.mutable_read_block8()->set_byte_count(bytes);
    });
  }

  const std::shared_ptr<FakeWire> wire_;
  Log log_;
  MetricSet metric_set_;
  ServerMetrics server_metrics_{metric_set_};
  const std::shared_ptr<ProbeMetrics> metrics_;
  Events events_;
  Diary diary_;
  const std::shared_ptr<Lane> lane_;
};

}  // namespace probegate
