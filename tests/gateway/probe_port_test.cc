#include "gateway/probe_port.h"

#include <gtest/gtest.h>

#include <thread>

#include "asio/post.hpp"
#include "tests/gateway/fake_upstream.h"
#include "tests/gateway/test_client.h"

namespace probegate {
namespace {

TEST(ProbePort, AConnectionAcceptedDuringStopIsEndedToo) {
  MetricSet metric_set;
  GatewayMetrics metrics(metric_set);
  asio::io_context io(1);
  const auto upstream = std::make_shared<FakeUpstream>(&SucceedAtOnce);
  const ConnectionOptions options;
  ConnectionBudget budget(10, metrics);
  Log log(LogFormat::kText, LogLevel::kError);
  v1::ProbeDescription description;
  description.set_unique_id("PROBE1");
  const auto port = *ProbePort::Listen({io, options, budget, metrics, log},
                                       std::make_shared<ServedProbe>(description, upstream), 0, false);
  // The port is waiting for a client now.
  io.poll();
  TestClient client(port->port());
  // One step of the loop only notices the client. The next step accepts the connection, but Stop is already queued on
  // the strand before the code that handles it.
  asio::post(io, [] {});
  io.poll_one();
  port->Stop("stopping");
  std::jthread thread([&] { io.run(); });
  std::optional<std::string> line;
  EXPECT_NO_THROW(line = client.ReadLine());
  EXPECT_EQ(line, std::nullopt);
  EXPECT_TRUE(client.was_reset());
  io.stop();
}

}  // namespace
}  // namespace probegate
