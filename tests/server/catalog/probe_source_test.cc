// A probe source: it tries until its probe is present, and again once the probe is gone.
#include "server/catalog/probe_source.h"

#include <atomic>

#include "gmock/gmock.h"
#include "probe/error.h"
#include "tests/base/no_threads.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

using namespace std::chrono_literals;

constexpr RetryPauses kShort{.first = 1ms, .longest = 4ms, .unwanted = 1ms};

class ProbeSourceTest : public testing::Test {
 protected:
  ProbeSource::Opener Opener(const std::string& unique_id) {
    return [this, unique_id]() -> absl::StatusOr<std::unique_ptr<Probe>> {
      ++tries;
      if (!reachable) return MakeError(ErrorKind::kProbeDisconnected, "connection refused");
      wire = std::make_shared<FakeWire>(FakeBoardOptions{}, FakeWire::DefaultInfo(unique_id));
      return std::make_unique<FakeProbe>(wire);
    };
  }
  std::unique_ptr<ProbeSource> Start(const RetryPauses& pauses) {
    auto source = ProbeSource::Start("tcp:x", Opener("A1"), server.catalog, server.log, pauses);
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }
  bool IsThere(const std::string& unique_id) { return server.catalog.FindLane(unique_id).ok(); }

  std::atomic<int> tries = 0;
  std::atomic<bool> reachable = false;
  std::shared_ptr<FakeWire> wire;  // set by the source's thread, before the catalog lists the probe
  ServerFixture server;
};

TEST_F(ProbeSourceTest, TriesUntilTheProbeIsPresentAndAgainOnceItIsGone) {
  const auto source = Start(kShort);
  ASSERT_TRUE(Eventually([&] { return tries > 5; }));
  EXPECT_FALSE(IsThere("A1"));
  reachable = true;
  ASSERT_TRUE(Eventually([&] { return IsThere("A1"); }));
  EXPECT_EQ(server.catalog.Find("A1")->location(), "tcp:x");
  reachable = false;
  wire->Unplug();
  const int before = tries;
  ASSERT_TRUE(Eventually([&] { return tries > before + 2; }));
  EXPECT_TRUE(server.IsAway("A1"));
  reachable = true;
  ASSERT_TRUE(Eventually([&] { return IsThere("A1"); }));
}

TEST_F(ProbeSourceTest, DoesNotTryWhileTheProbeIsPresent) {
  reachable = true;
  const auto source = Start(kShort);
  ASSERT_TRUE(Eventually([&] { return IsThere("A1"); }));
  source->StopTrying();
  EXPECT_EQ(tries, 1);
}

TEST_F(ProbeSourceTest, AMissingThreadDoesNotMakeAProbeUnwanted) {
  const RetryPauses pauses{.first = 1ms, .longest = 4ms, .unwanted = 1h};
  const auto source = Start(pauses);
  {
    const NoThreads no_threads;
    reachable = true;
    ASSERT_TRUE(Eventually([&] { return server.IsAway("A1"); }));
  }
  EXPECT_TRUE(Eventually([&] { return IsThere("A1"); }));
}

TEST_F(ProbeSourceTest, AnErrorIfThereIsNoThreadLeft) {
  const NoThreads no_threads;
  const auto source = ProbeSource::Start("tcp:x", Opener("A1"), server.catalog, server.log, kShort);
  EXPECT_EQ(source.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(tries, 0);
}

TEST_F(ProbeSourceTest, EndsAtOnceEvenDuringALongPause) {
  const RetryPauses long_pauses{.first = 1h, .longest = 1h, .unwanted = 1h};
  const auto source = Start(long_pauses);
  ASSERT_TRUE(Eventually([&] { return tries == 1; }));
}

TEST_F(ProbeSourceTest, ASecondProbeWithTheSameIdWaitsForTheFirstToGo) {
  const auto first = server.Plug("A1");
  reachable = true;
  const auto source = Start(kShort);
  ASSERT_TRUE(Eventually([&] { return tries > 2; }));
  EXPECT_EQ(server.catalog.Find("A1")->location(), "fake:A1");
  first->Unplug();
  EXPECT_TRUE(Eventually([&] { return server.catalog.Find("A1")->location() == "tcp:x"; }));
}

}  // namespace
}  // namespace probegate
