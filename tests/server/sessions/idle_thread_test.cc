// The thread that ends idle sessions, by the system's clock.
#include "server/sessions/idle_thread.h"

#include "gtest/gtest.h"
#include "probe/error.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

const Caller kAlice{Peer{"10.0.0.1:1000", "10.0.0.1"}};

class IdleThreadTest : public testing::Test {
 protected:
  IdleThreadTest() { server.Plug("PROBE1"); }

  std::string Open(uint32_t idle_timeout) {
    v1::OpenSessionRequest request;
    request.set_probe("PROBE1");
    request.set_idle_timeout_seconds(idle_timeout);
    return server.unary_sessions.Open(request, kAlice)->session_id();
  }

  ServerFixture server;
  const IdleThread idle_thread{server.unary_sessions};
};

TEST_F(IdleThreadTest, AnIdleSessionEnds) {
  const std::string session = Open(1);
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").empty(); }));
  EXPECT_TRUE(IsError(server.unary_sessions.Close(session, kAlice), ErrorKind::kNotFound));
}

TEST_F(IdleThreadTest, ASessionThatIsDueEarlierEndsInTime) {
  const std::string later = Open(3600);
  Open(1);
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").size() == 1; }));
  EXPECT_TRUE(server.unary_sessions.Close(later, kAlice).ok());
}

TEST_F(IdleThreadTest, ASessionIsIdleAgainAfterItsCommandIsAnswered) {
  const std::string session = Open(1);
  v1::StreamRequest request;
  request.mutable_get_state();
  server.unary_sessions.Submit(session, kAlice, request, [](const auto&) {});
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").empty(); }));
}

}  // namespace
}  // namespace probegate
