// What a channel reports to its observer apart from packets.
#include "probe/cmsis_dap/channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/fake_transport.h"

namespace probegate::cmsis_dap {
namespace {

struct Assumptions : NoObserver {
  void OnAssumption(std::string_view what) override { texts.emplace_back(what); }
  std::vector<std::string> texts;
};

class ChannelAssumptions : public ::testing::Test {
 protected:
  using Texts = std::vector<std::string>;

  Assumptions seen_;
  Channel channel_{std::make_unique<FakeTransport>([](const auto&) { return std::vector<FakeTransport::Packet>(); },
                                                   std::make_shared<FakeTransport::Record>()),
                   std::chrono::milliseconds(1)};
};

TEST_F(ChannelAssumptions, EachIsReportedOnce) {
  channel_.SetObserver(&seen_);
  channel_.Assume("no lamp");
  channel_.Assume("no delay");
  channel_.Assume("no lamp");
  EXPECT_EQ(seen_.texts, (Texts{"no lamp", "no delay"}));
}

TEST_F(ChannelAssumptions, AreKeptUntilThereIsAnObserver) {
  channel_.Assume("no lamp");
  channel_.SetObserver(nullptr);
  channel_.Assume("no delay");
  channel_.SetObserver(&seen_);
  EXPECT_EQ(seen_.texts, (Texts{"no lamp", "no delay"}));

  Assumptions next;
  channel_.SetObserver(&next);
  channel_.Assume("no lamp");
  EXPECT_EQ(next.texts, Texts());
}

TEST_F(ChannelAssumptions, AreBounded) {
  channel_.SetObserver(&seen_);
  for (size_t i = 0; i < 2 * Channel::kMostAssumptions; ++i) channel_.Assume(std::to_string(i));
  EXPECT_EQ(seen_.texts.size(), Channel::kMostAssumptions);
}

}  // namespace
}  // namespace probegate::cmsis_dap
