// SWO on a lane: its thread polls the probe while any session subscribes, and not otherwise.
#include <chrono>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "tests/server/lane/lane_fixture.h"
#include "tests/telemetry/exposed.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = WireCall::Kind;

ProbeInfo WithSwo() {
  ProbeInfo info = FakeWire::DefaultInfo("FAKE0001");
  info.features.swo = true;
  return info;
}

class LaneSwoTest : public LaneTest {
 protected:
  LaneSwoTest()
      : LaneTest({.lock_idle = std::chrono::hours(1), .lock_max = std::chrono::hours(1)}, LogLevel::kError, WithSwo()) {
  }

  std::shared_ptr<Session> Subscribe(const std::string& name) {
    auto session = Open(name);
    EXPECT_TRUE(Call(*session, Request([](auto& r) { r.mutable_open(); })).has_open());
    EXPECT_TRUE(Call(*session, SwoStart(1'000'000)).has_swo_start());
    return session;
  }
  static v1::StreamRequest SwoStart(uint32_t baud) {
    return Request([=](auto& r) { r.mutable_swo_start()->set_baudrate(baud); });
  }
  static v1::StreamRequest SwoStop() {
    return Request([](auto& r) { r.mutable_swo_stop(); });
  }
  static v1::StreamRequest SwoRead() {
    return Request([](auto& r) { r.mutable_swo_read(); });
  }
  void SendSwo(const std::string& bytes) { wire_->SendSwo({.bytes = {bytes.begin(), bytes.end()}}); }

  // Reads until `size` bytes have arrived, or until the time limit.
  std::string Read(Session& session, size_t size) {
    std::string bytes;
    WaitUntil([&] {
      const v1::StreamResponse response = Call(session, SwoRead());
      EXPECT_TRUE(response.has_swo_read()) << response.error().message();
      bytes += response.swo_read().data();
      return bytes.size() >= size || !response.has_swo_read();
    });
    return bytes;
  }
  template <typename Condition>
  static void WaitUntil(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kBound;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }
  double Counted(const std::string& name) {
    return Exposed(metric_set_, "probegate_swo_" + name + "{probe=\"FAKE0001\"}").value_or(-1);
  }
};

TEST_F(LaneSwoTest, TwoSubscribersGetEveryByte) {
  auto a = Subscribe("a");
  auto b = Subscribe("b");
  std::string sent;
  for (int i = 0; i < 500; ++i) {
    const std::string piece = "piece " + std::to_string(i) + "; ";
    SendSwo(piece);
    sent += piece;
  }
  EXPECT_EQ(Read(*a, sent.size()), sent);
  EXPECT_EQ(Read(*b, sent.size()), sent);
  EXPECT_EQ(Counted("bytes_total"), static_cast<double>(sent.size()));
  EXPECT_EQ(Counted("dropped_bytes_total"), 0);
}

TEST_F(LaneSwoTest, CommandsGetTheirTurnDuringHeavySwo) {
  auto a = Subscribe("a");
  auto b = Open("b");
  Attach(*b);
  const std::string piece(100, 'x');
  for (int i = 0; i < 5000; ++i) SendSwo(piece);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Call(*b, ReadDp()).has_read_dp());
  EXPECT_EQ(Read(*a, 5000 * piece.size()).size(), 5000 * piece.size());
}

TEST_F(LaneSwoTest, TheProbeIsNotPolledWithoutSubscribers) {
  auto a = Subscribe("a");
  WaitUntil([&] { return wire_->CountCalls(Kind::kSwoRead) >= 3; });
  EXPECT_TRUE(Call(*a, SwoStop()).has_swo_stop());
  wire_->ClearLog();
  for (int i = 0; i < 20; ++i) Call(*a, GetState());
  EXPECT_EQ(wire_->CountCalls(Kind::kSwoRead), 0u);
}

TEST_F(LaneSwoTest, AnotherSessionsLockDoesNotHoldBackBytes) {
  auto a = Subscribe("a");
  auto b = Open("b");
  Call(*b, Lock());
  SendSwo("through");
  EXPECT_EQ(Read(*a, 7), "through");
  EXPECT_TRUE(Call(*a, SwoStop()).has_swo_stop());
}

TEST_F(LaneSwoTest, ASessionThatEndsGivesItsSubscriptionBack) {
  auto a = Subscribe("a");
  auto b = Subscribe("b");
  a.reset();
  SendSwo("for b");
  EXPECT_EQ(Read(*b, 5), "for b");
  EXPECT_EQ(wire_->swo_baud(), 1'000'000u);
  b.reset();
  WaitUntil([&] { return !wire_->swo_baud().has_value(); });
}

TEST_F(LaneSwoTest, ADifferentRateIsRefusedAndTheErrorNamesTheSubscriber) {
  auto a = Subscribe("alice");
  auto b = Open("bob");
  Call(*b, Request([](auto& r) { r.mutable_open(); }));
  const auto response = Call(*b, SwoStart(115'200));
  EXPECT_EQ(response.error().kind(), v1::ERROR_KIND_BUSY);
  EXPECT_THAT(response.error().message(), HasSubstr("alice"));
  EXPECT_EQ(Call(*b, SwoStart(0)).error().kind(), v1::ERROR_KIND_INVALID_ARGUMENT);
  EXPECT_EQ(Call(*b, SwoRead()).swo_read().data(), "");
  EXPECT_TRUE(Call(*b, SwoStop()).has_swo_stop());
}

TEST_F(LaneSwoTest, FaultsAreCountedAndReported) {
  auto a = Subscribe("a");
  wire_->SendSwo({.bytes = {'x'}, .overrun = true, .garbled = true});
  v1::SwoReadResponse told;
  WaitUntil([&] {
    told = Call(*a, SwoRead()).swo_read();
    return !told.data().empty();
  });
  EXPECT_TRUE(told.data_lost() && told.garbled());
  for (const std::string cause : {"overrun", "garbled"}) {
    EXPECT_EQ(Exposed(metric_set_, "probegate_swo_faults_total{cause=\"" + cause + "\",probe=\"FAKE0001\"}"), 1);
  }
  wire_->FailNextCall(ErrorKind::kProbeError);
  WaitUntil(
      [&] { return Exposed(metric_set_, "probegate_swo_faults_total{cause=\"no_answer\",probe=\"FAKE0001\"}") == 1; });
}

TEST_F(LaneSwoTest, LosingTheProbeEndsTheSubscriptions) {
  auto a = Subscribe("a");
  wire_->Unplug();
  EXPECT_THAT(diary_.WaitFor(1), ElementsAre(HasSubstr("a ended")));
  EXPECT_EQ(Call(*a, SwoRead()).error().kind(), v1::ERROR_KIND_PROBE_DISCONNECTED);
}

}  // namespace
}  // namespace probegate
