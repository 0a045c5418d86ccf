// The registry of sessions: how many there may be, what lists show of them, and how a session is ended.
#include "server/sessions/session_registry.h"

#include <optional>

#include "base/session_name.h"
#include "gmock/gmock.h"
#include "probe/error.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

const Caller kAlice{Peer{"10.0.0.1:1000", "10.0.0.1"}};

class SessionRegistryTest : public testing::Test {
 protected:
  static v1::OpenSessionRequest On(const std::string& probe) {
    v1::OpenSessionRequest request;
    request.set_probe(probe);
    return request;
  }
  SessionRegistry::Opened Open() {
    return *server.sessions.Open(On("PROBE1"), kAlice, [](const absl::Status&) {});
  }

  ServerFixture server{{.max_sessions = 3}};
  const std::shared_ptr<FakeWire> wire = server.Plug("PROBE1");
};

TEST_F(SessionRegistryTest, ASessionLivesAsLongAsItsHandle) {
  {
    const auto opened = Open();
    EXPECT_EQ(server.sessions.List("").size(), 1u);
  }
  EXPECT_TRUE(server.sessions.List("").empty());
}

TEST_F(SessionRegistryTest, ASessionsNameIsTheFirst16DigitsOfItsId) {
  const auto opened = Open();
  EXPECT_EQ(opened.response.session_id().size(), 32u);
  EXPECT_EQ(server.sessions.List("")[0].session(), opened.response.session_id().substr(0, 16));
}

TEST_F(SessionRegistryTest, TheNumberOfSessionsIsLimited) {
  const auto first = Open();
  const auto second = Open();
  {
    const auto third = Open();
    const auto refused = server.sessions.Open(On("PROBE1"), kAlice, [](const absl::Status&) {});
    EXPECT_TRUE(IsError(refused.status(), ErrorKind::kBusy));
  }
  EXPECT_TRUE(server.sessions.Open(On("PROBE1"), kAlice, [](const absl::Status&) {}).ok());
}

TEST_F(SessionRegistryTest, TheSessionsOfOneClientAreLimitedWhateverItSaysOfItself) {
  ServerFixture limited{{.max_sessions = 10, .max_sessions_per_client = 2}};
  limited.Plug("PROBE1");
  const auto open = [&](const Peer& peer, const std::string& claimed) {
    v1::OpenSessionRequest request = On("PROBE1");
    request.mutable_client()->set_peer_address(claimed);
    return limited.sessions.Open(request, Caller(peer), [](const absl::Status&) {});
  };
  const Peer mallory{"10.0.0.66:1000", "10.0.0.66", "10.0.0.66"};
  const auto first = open(mallory, "10.0.0.2:1");
  auto second = open(mallory, "10.0.0.3:1");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(IsError(open(mallory, "10.0.0.4:1").status(), ErrorKind::kBusy));
  EXPECT_TRUE(open({"10.0.0.7:1", "10.0.0.7", "10.0.0.7"}, "").ok());
  second->session.Release(SessionEndCause::kClosed);
  EXPECT_TRUE(open(mallory, "10.0.0.4:1").ok());
}

TEST_F(SessionRegistryTest, OnlyATrustedGatewayMaySayWhoseTheSessionIs) {
  ServerFixture trusting{{.gateways = {*AddressRange::Parse("10.9.0.0/16")}}};
  trusting.Plug("PROBE1");
  v1::OpenSessionRequest request = On("PROBE1");
  request.mutable_client()->set_peer_address("10.0.0.2:5");
  struct Case {
    std::string host, address, client;
  };
  for (const Case& c : {Case{"10.9.0.1", "10.0.0.2:5", "10.0.0.2"}, Case{"127.0.0.1", "10.0.0.2:5", "10.0.0.2"},
                        Case{"10.0.0.66", "10.0.0.66:9", "10.0.0.66"}}) {
    const Peer peer{c.host + ":9", c.host, c.host};
    EXPECT_EQ(trusting.sessions.IsTrustedGateway(peer), c.host != c.client);
    const auto opened = trusting.sessions.Open(request, Caller(peer), [](const absl::Status&) {});
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->client, c.client);
    const v1::SessionInfo info = trusting.sessions.List("")[0];
    EXPECT_EQ(info.client().peer_address(), c.address);
    EXPECT_EQ(info.peer(), c.host + ":9");
  }
}

TEST_F(SessionRegistryTest, EndingTellsTheOwnerWhy) {
  std::optional<absl::Status> told;
  const auto opened = server.sessions.Open(On("PROBE1"), kAlice, [&](const absl::Status& why) { told = why; });
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(IsError(server.sessions.End("0123456789abcdef", "", kAlice), ErrorKind::kNotFound));
  EXPECT_TRUE(IsError(server.sessions.End(opened->response.session_id(), std::string(257, 'x'), kAlice),
                      ErrorKind::kInvalidArgument));
  ASSERT_TRUE(server.sessions.End(SessionName(opened->response.session_id()), "lunch", kAlice).ok());
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(std::string(told->message()), testing::HasSubstr("lunch"));
}

TEST_F(SessionRegistryTest, AWrongIdWithARightNameEndsNothing) {
  const auto opened = Open();
  const std::string& id = opened.response.session_id();
  EXPECT_TRUE(IsError(server.sessions.End(id.substr(0, 31) + "x", "", kAlice), ErrorKind::kNotFound));
  EXPECT_TRUE(IsError(server.sessions.End(id.substr(0, 31), "", kAlice), ErrorKind::kNotFound));
  EXPECT_TRUE(server.sessions.End(id, "", kAlice).ok());
}

TEST_F(SessionRegistryTest, AnOwnerThatReleasesItsSessionIsToldAtOnceAndOnlyOnce) {
  int told = 0;
  auto opened = server.sessions.Open(
      On("PROBE1"), kAlice, [&](const absl::Status&) { ++told; }, {}, SessionRegistry::Kick::kByOwner);
  ASSERT_TRUE(opened.ok());
  const std::string name = SessionName(opened->response.session_id());
  ASSERT_TRUE(server.sessions.End(name, "lunch", kAlice).ok());
  ASSERT_TRUE(server.sessions.End(name, "lunch", kAlice).ok());
  EXPECT_EQ(told, 1);
  EXPECT_EQ(server.sessions.List("").size(), 1u) << "its owner has the handle";
  opened->session.Release(SessionEndCause::kClientGone);
  EXPECT_TRUE(server.sessions.List("").empty());
}

TEST_F(SessionRegistryTest, AClientsDescriptionIsTruncatedAndCleaned) {
  v1::OpenSessionRequest request = On("PROBE1");
  request.mutable_client()->set_name(std::string(200, 'n'));
  request.mutable_client()->set_user("a\nb");
  const auto opened = server.sessions.Open(request, kAlice, [](const absl::Status&) {});
  ASSERT_TRUE(opened.ok());
  const v1::ClientInfo client = server.sessions.List("")[0].client();
  EXPECT_EQ(client.name().size(), 128u);
  EXPECT_EQ(client.user(), "a b");
  EXPECT_EQ(client.peer_address(), "10.0.0.1:1000");
}

}  // namespace
}  // namespace probegate
