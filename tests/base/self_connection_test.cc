#include "base/self_connection.h"

#include <chrono>
#include <future>
#include <optional>
#include <string>

#include "gtest/gtest.h"

#include "base/accept_loop.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/ignore_refusals.h"

namespace probegate {
namespace {

Deadline Soon() { return std::chrono::steady_clock::now() + kWaitBound; }

class SelfConnectorTest : public testing::Test {
 protected:
  // A listener that admits nobody.
  std::unique_ptr<AcceptLoop::Listener> Listen(const std::string& host) {
    auto listener = loop_->Listen({host, 0}, {.name = "test", .connections = none_, .handler = [this](auto connection) {
                                                accepted_.set_value(connection.peer.host);
                                              }});
    EXPECT_TRUE(listener.ok()) << listener.status();
    return *std::move(listener);
  }

  IgnoreRefusals observer_;
  Quota none_{"connections", {.all = 0, .per_client = 0}};
  std::promise<std::string> accepted_;
  const std::unique_ptr<AcceptLoop> loop_ = *AcceptLoop::Start(observer_);
};

TEST_F(SelfConnectorTest, IsAcceptedWhateverTheQuota) {
  const auto listener = Listen("127.0.0.1");
  const SelfConnector connector(listener->endpoint(), [&](const Endpoint& from) { listener->Expect(from); });
  EXPECT_EQ(connector.Connect(Soon()).error, 0);
  EXPECT_EQ(Awaited(accepted_.get_future(), "the connection is accepted"), "127.0.0.1");
}

TEST_F(SelfConnectorTest, ReachesAListenerOnAllAddresses) {
  const auto listener = Listen("0.0.0.0");
  const SelfConnector connector(listener->endpoint(), [&](const Endpoint& from) { listener->Expect(from); });
  EXPECT_EQ(connector.Connect(Soon()).error, 0);
  EXPECT_EQ(Awaited(accepted_.get_future(), "the connection is accepted"), "127.0.0.1");
}

TEST_F(SelfConnectorTest, SaysWhyThereIsNoConnection) {
  std::optional<Endpoint> gone = Listen("127.0.0.1")->endpoint();
  EXPECT_EQ(SelfConnector(*gone, nullptr).Connect(Soon()).error, ECONNREFUSED);
  EXPECT_EQ(SelfConnector({"no.such.host.invalid", 1}, nullptr).Connect(Soon()).error, EADDRNOTAVAIL);
}

}  // namespace
}  // namespace probegate
