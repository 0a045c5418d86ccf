// Sessions by their ids: whose they are, how many there may be, and when they end.
#include "server/sessions/session_registry.h"

#include <atomic>
#include <optional>

#include "gmock/gmock.h"
#include "probe/error.h"
#include "server/commands/error_detail.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

const Peer kAlice{"10.0.0.1:1000", "10.0.0.1"};
const Peer kAliceAgain{"10.0.0.1:2000", "10.0.0.1"};
const Peer kMallory{"10.0.0.2:1000", "10.0.0.2"};

class SessionRegistryTest : public testing::Test {
 protected:
  static v1::OpenSessionRequest On(const std::string& probe, uint32_t idle_timeout = 0) {
    v1::OpenSessionRequest request;
    request.set_probe(probe);
    request.set_idle_timeout_seconds(idle_timeout);
    return request;
  }
  std::string Open(const Peer& peer, uint32_t idle_timeout = 0) {
    return server.sessions.OpenForCalls(On("PROBE1", idle_timeout), peer)->session_id();
  }
  // The answer to GetState.
  v1::StreamResponse Ask(const std::string& session, const Peer& peer) {
    v1::StreamRequest request;
    request.mutable_get_state();
    std::atomic<bool> answered = false;
    v1::StreamResponse answer;
    server.sessions.Submit(session, peer, request, [&](absl::StatusOr<v1::StreamResponse> response) {
      if (response.ok()) {
        answer = *std::move(response);
      } else {
        *answer.mutable_error() = ToErrorDetail(response.status(), {});
      }
      answered = true;
    });
    EXPECT_TRUE(Eventually([&] { return answered.load(); }));
    return answer;
  }

  ServerFixture server{{.max_sessions = 3}};
  const std::shared_ptr<FakeWire> wire = server.Plug("PROBE1");
};

TEST_F(SessionRegistryTest, AnIdIsGoodForItsPeerOnly) {
  const std::string session = Open(kAlice);
  EXPECT_TRUE(Ask(session, kAlice).has_get_state());
  EXPECT_TRUE(Ask(session, kAliceAgain).has_get_state()) << "another connection of the same host";
  EXPECT_EQ(Ask(session, kMallory).error().kind(), v1::ERROR_KIND_NOT_FOUND);
  EXPECT_TRUE(IsError(server.sessions.Close(session, kMallory), ErrorKind::kNotFound));
  EXPECT_TRUE(server.sessions.Close(session, kAlice).ok());
  EXPECT_TRUE(IsError(server.sessions.Close(session, kAlice), ErrorKind::kNotFound));
}

TEST_F(SessionRegistryTest, TheNameOfASessionDoesNotUseIt) {
  const std::string session = Open(kAlice);
  EXPECT_EQ(Ask(session.substr(0, 16), kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
  EXPECT_EQ(Ask(session.substr(0, 31) + "x", kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
}

TEST_F(SessionRegistryTest, AStreamsSessionAnswersToNoCall) {
  const auto opened = server.sessions.OpenForStream(On("PROBE1"), kAlice, [](const absl::Status&) {});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(Ask(opened->response.session_id(), kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
}

TEST_F(SessionRegistryTest, AStreamsSessionLivesAsLongAsItsHandle) {
  {
    const auto opened = server.sessions.OpenForStream(On("PROBE1"), kAlice, [](const absl::Status&) {});
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(server.sessions.List("").size(), 1u);
  }
  EXPECT_TRUE(server.sessions.List("").empty());
}

TEST_F(SessionRegistryTest, ThereAreOnlySoMany) {
  for (int i = 0; i < 3; ++i) Open(kAlice);
  const auto refused = server.sessions.OpenForCalls(On("PROBE1"), kAlice);
  EXPECT_TRUE(IsError(refused.status(), ErrorKind::kBusy));
  const std::string first = server.sessions.List("").front().session();
  EXPECT_TRUE(server.sessions.End(first, "").ok());
  EXPECT_TRUE(server.sessions.OpenForCalls(On("PROBE1"), kAlice).ok());
}

TEST_F(SessionRegistryTest, AnIdleSessionEnds) {
  const std::string session = Open(kAlice, 1);
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").empty(); }));
  EXPECT_EQ(Ask(session, kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
}

TEST_F(SessionRegistryTest, ASessionIsIdleAgainOnceItsCommandIsAnswered) {
  const std::string session = Open(kAlice, 1);
  EXPECT_TRUE(Ask(session, kAlice).has_get_state());
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").empty(); }));
}

TEST_F(SessionRegistryTest, ASessionThatWaitsIsNotIdle) {
  const std::string holder = Open(kAlice, 3600);
  const std::string waiter = Open(kAlice, 1);
  const std::string idle = Open(kAlice, 2);
  v1::StreamRequest lock;
  lock.mutable_lock();
  server.sessions.Submit(holder, kAlice, lock, [](const auto&) {});
  server.sessions.Submit(waiter, kAlice, lock, [](const auto&) {});
  ASSERT_TRUE(Eventually([&] { return server.sessions.List("").size() == 2; })) << "the one that is idle ends";
  EXPECT_EQ(server.sessions.List("")[1].session(), waiter.substr(0, 16));
}

TEST_F(SessionRegistryTest, WhatIsUnansweredIsBounded) {
  const std::string holder = Open(kAlice, 3600);
  const std::string flooder = Open(kAlice, 3600);
  v1::StreamRequest lock;
  lock.mutable_lock();
  server.sessions.Submit(holder, kAlice, lock, [](const auto&) {});
  ASSERT_TRUE(Eventually([&] { return server.sessions.List("")[0].holds_lock(); }));
  v1::StreamRequest block;
  block.mutable_write_block8()->mutable_data()->resize(16 << 20);
  std::atomic<int> refused = 0;
  for (int i = 0; i < 4; ++i) {
    server.sessions.Submit(flooder, kAlice, block, [&](const absl::StatusOr<v1::StreamResponse>& response) {
      if (IsError(response.status(), ErrorKind::kBusy)) ++refused;
    });
  }
  EXPECT_EQ(refused, 3) << "two blocks with their envelopes are more than 32 MiB";
  for (int i = 0; i < 300; ++i) {
    server.sessions.Submit(flooder, kAlice, lock, [&](const absl::StatusOr<v1::StreamResponse>& response) {
      if (IsError(response.status(), ErrorKind::kBusy)) ++refused;
    });
  }
  EXPECT_EQ(refused, 3 + 300 - 255);
  EXPECT_TRUE(server.sessions.Close(flooder, kAlice).ok());
  EXPECT_TRUE(Ask(holder, kAlice).has_get_state());
}

TEST_F(SessionRegistryTest, AnIdleTimeoutOutOfRangeIsRefused) {
  const auto refused = server.sessions.OpenForCalls(On("PROBE1", 86'401), kAlice);
  EXPECT_TRUE(IsError(refused.status(), ErrorKind::kInvalidArgument));
  EXPECT_TRUE(server.sessions.List("").empty());
}

TEST_F(SessionRegistryTest, EndingTellsTheOwnerWhy) {
  std::optional<absl::Status> told;
  const auto opened = server.sessions.OpenForStream(On("PROBE1"), kAlice, [&](const absl::Status& why) { told = why; });
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(IsError(server.sessions.End("0123456789abcdef", ""), ErrorKind::kNotFound));
  EXPECT_TRUE(
      IsError(server.sessions.End(opened->response.session_id(), std::string(257, 'x')), ErrorKind::kInvalidArgument));
  ASSERT_TRUE(server.sessions.End(opened->response.session_id().substr(0, 16), "lunch").ok());
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(std::string(told->message()), testing::HasSubstr("lunch"));
}

TEST_F(SessionRegistryTest, AUnarySessionGoesWithItsProbe) {
  Open(kAlice);
  wire->Unplug();
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").empty(); }));
}

TEST_F(SessionRegistryTest, WhatAClientSaysOfItselfIsCutAndCleaned) {
  v1::OpenSessionRequest request = On("PROBE1");
  request.mutable_client()->set_name(std::string(200, 'n'));
  request.mutable_client()->set_user("a\nb");
  ASSERT_TRUE(server.sessions.OpenForCalls(request, kAlice).ok());
  const v1::ClientInfo client = server.sessions.List("")[0].client();
  EXPECT_EQ(client.name().size(), 128u);
  EXPECT_EQ(client.user(), "a b");
  EXPECT_EQ(client.peer_address(), "10.0.0.1:1000");
}

}  // namespace
}  // namespace probegate
