#include "gateway/probe_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/port_fixture.h"

namespace probegate {
namespace {

TEST(ProbePort, EndsItsConnectionsWhenItStops) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient silent(fixture.port());
  TestClient served(fixture.port());
  EXPECT_EQ(served.Ask(R"({"id": 1, "request": "hello", "arguments": [1]})"), Ok(1));
  const uint16_t port = fixture.port();
  fixture.probe_port().Stop("stopping");
  for (TestClient* client : {&silent, &served}) {
    EXPECT_EQ(client->ReadLine(), std::nullopt);
    EXPECT_TRUE(client->was_reset());
  }
  EXPECT_THROW(TestClient{port}, std::runtime_error);
}

TEST(ProbePort, SaysWhichPortIsInUse) {
  PortFixture fixture(&SucceedAtOnce);
  const auto second = fixture.ListenAgain();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()),
              ::testing::StartsWith("port " + std::to_string(fixture.port()) +
                                    ", wanted for debug probe PROBE1, is in use by another program"));
}

TEST(ProbePort, OnlyResetsRefusedClientsBeyondAFew) {
  PortFixture fixture(&SucceedAtOnce, {}, 0);
  std::vector<std::unique_ptr<TestClient>> told;
  for (int i = 0; i < 4; ++i) told.push_back(std::make_unique<TestClient>(fixture.port()));
  // Connections are accepted in order, so by the time that this one is reset the others have been accepted.
  TestClient reset(fixture.port());
  EXPECT_EQ(reset.ReadLine(), std::nullopt);
  EXPECT_TRUE(reset.was_reset());
  for (const auto& client : told) {
    EXPECT_THAT(client->Ask(R"({"id": 1, "request": "open"})"), ::testing::HasSubstr("--max-connections"));
  }
}

}  // namespace
}  // namespace probegate
