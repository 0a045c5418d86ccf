// How sessions end: the cause that is counted and logged, once for each session that was opened.
#include "server/sharing/session_end.h"

#include <map>

#include "base/session_name.h"
#include "gmock/gmock.h"
#include "server/sessions/idle_thread.h"
#include "tests/server/server_fixture.h"
#include "tests/telemetry/exposed.h"
#include "tests/telemetry/log_capture.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::Not;

const Caller kAlice{Peer{"10.0.0.1:1000", "10.0.0.1"}};
constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

using Causes = std::map<std::string, double>;

class SessionEndTest : public testing::Test {
 protected:
  explicit SessionEndTest(ServerOptions options = {}) : server(std::move(options)), wire(server.Plug("A1")) {}

  static v1::OpenSessionRequest Request(uint32_t idle_timeout = 0) {
    v1::OpenSessionRequest request;
    request.set_probe("A1");
    request.mutable_client()->set_name("alice");
    request.set_idle_timeout_seconds(idle_timeout);
    return request;
  }
  SessionHandle OpenStream() {
    return std::move(server.sessions.Open(Request(), kAlice, [](const absl::Status&) {})->session);
  }
  std::string OpenCalls(uint32_t idle_timeout = 0) {
    return server.unary_sessions.Open(Request(idle_timeout), kAlice)->session_id();
  }
  double Opened() { return Exposed(server.metric_set, "probegate_sessions_opened_total{probe=\"A1\"}").value_or(-1); }
  // How many sessions ended for each cause, e.g. "kicked" → 1, without zeros.
  Causes Ended() {
    Causes causes;
    for (const std::string_view cause : kSessionEndCauses) {
      const std::string series = "probegate_sessions_ended_total{cause=\"" + std::string(cause) + "\",probe=\"A1\"}";
      const double count = Exposed(server.metric_set, series).value_or(-1);
      if (count != 0) causes[std::string(cause)] = count;
    }
    return causes;
  }
  bool EventuallyNone() {
    return Eventually([this] { return server.sessions.List("").empty(); });
  }

  ServerFixture server;
  const std::shared_ptr<FakeWire> wire;
};

TEST_F(SessionEndTest, ASessionEndedByItsClientIsClosed) {
  SessionHandle stream = OpenStream();
  const std::string calls = OpenCalls();
  EXPECT_EQ(Opened(), 2);
  EXPECT_EQ(Ended(), Causes{});
  stream.Release(SessionEndCause::kClosed);
  ASSERT_TRUE(server.unary_sessions.Close(calls, kAlice).ok());
  EXPECT_EQ(Ended(), (Causes{{"closed", 2}}));
}

TEST_F(SessionEndTest, ADroppedStreamCountsAsClientGone) {
  OpenStream();
  EXPECT_EQ(Ended(), (Causes{{"client_gone", 1}}));
}

TEST_F(SessionEndTest, AnUnusedSessionEndsAsIdle) {
  const IdleThread idle(server.unary_sessions);
  OpenCalls(1);
  ASSERT_TRUE(EventuallyNone());
  EXPECT_TRUE(Eventually([this] { return Ended() == Causes{{"idle", 1}}; }));
}

TEST_F(SessionEndTest, ASessionEndedByAnotherUserIsKickedWhateverItsClientDoes) {
  SessionHandle stream = OpenStream();
  const std::string calls = OpenCalls();
  ASSERT_TRUE(server.sessions.End(stream.session()->id().name(), "lunch", kAlice).ok());
  ASSERT_TRUE(server.sessions.End(SessionName(calls), "lunch", kAlice).ok());
  stream.Release(SessionEndCause::kClientGone);
  EXPECT_EQ(Ended(), (Causes{{"kicked", 2}}));
}

TEST_F(SessionEndTest, ASessionThatEndsWithItsProbeIsProbeGone) {
  SessionHandle stream = OpenStream();
  OpenCalls();
  wire->Unplug();
  ASSERT_TRUE(Eventually([this] { return server.IsAway("A1"); }));
  stream.Release(SessionEndCause::kClosed);
  ASSERT_TRUE(EventuallyNone());
  EXPECT_EQ(Ended(), (Causes{{"probe_gone", 2}}));
}

TEST_F(SessionEndTest, ASessionEndedByTheServerIsServerStopped) {
  SessionHandle stream = OpenStream();
  OpenCalls();
  server.catalog.Stop("server is shutting down");
  stream.Release(SessionEndCause::kClientGone);
  EXPECT_EQ(Ended(), (Causes{{"server_stopped", 2}}));
  EXPECT_EQ(Opened(), 2);
}

TEST_F(SessionEndTest, ARefusedSessionIsNotCounted) {
  server.catalog.Stop("server is shutting down");
  EXPECT_FALSE(server.unary_sessions.Open(Request(), kAlice).ok());
  EXPECT_EQ(Opened(), 0);
  EXPECT_EQ(Ended(), Causes{});
}

// --- Logs

class SessionLogTest : public SessionEndTest {
 protected:
  SessionLogTest() : SessionEndTest({.log_level = LogLevel::kInfo}) {}
};

TEST_F(SessionLogTest, TheEndIsLoggedWithTheCauseAndTheSessionsActivity) {
  const std::string calls = OpenCalls();
  v1::StreamRequest request;
  request.mutable_get_state();
  std::atomic<bool> answered = false;
  server.unary_sessions.Submit(calls, kAlice, request, [&](const auto&) { answered = true; });
  ASSERT_TRUE(Eventually([&] { return answered.load(); }));
  LogCapture capture(server.log);
  ASSERT_TRUE(server.sessions.End(SessionName(calls), "lunch", kAlice).ok());
  const std::string log = capture.Text();
  EXPECT_THAT(log, HasSubstr("session.ended session=" + SessionName(calls) +
                             " probe=A1 client=alice cause=kicked reason=\"the session was ended: lunch\" commands=1"));
  EXPECT_THAT(log, Not(HasSubstr(calls)));
}

TEST_F(SessionLogTest, TheStartIsLoggedWithTheTraceIfThereIsOne) {
  LogCapture capture(server.log);
  const auto traced = server.unary_sessions.Open(Request(), kAlice, kTraceparent);
  std::string log = capture.Text();
  EXPECT_THAT(log, HasSubstr("session.opened session=" + SessionName(traced->session_id()) +
                             " probe=A1 client=alice peer=10.0.0.1:1000 identity=anonymous "
                             "trace=0af7651916cd43dd8448eb211c80319c"));
  LogCapture second(server.log);
  ASSERT_TRUE(server.unary_sessions.Open(Request(), kAlice, "00-nonsense").ok());
  log = second.Text();
  EXPECT_THAT(log, HasSubstr("session.opened"));
  EXPECT_THAT(log, Not(HasSubstr("trace=")));
}

class BrokenLockLogTest : public SessionEndTest {
 protected:
  BrokenLockLogTest()
      : SessionEndTest(
            {.catalog = {.lane = {.lock_idle = std::chrono::milliseconds(1)}}, .log_level = LogLevel::kWarning}) {}
};

TEST_F(BrokenLockLogTest, ABrokenLockNamesBothSessions) {
  const SessionHandle holder = OpenStream();
  const SessionHandle waiter = OpenStream();
  v1::StreamRequest lock;
  lock.mutable_lock();
  std::atomic<int> answered = 0;
  LogCapture capture(server.log);
  holder.session()->Submit(lock, [&](const v1::StreamResponse&) { ++answered; });
  waiter.session()->Submit(lock, [&](const v1::StreamResponse&) { ++answered; });
  ASSERT_TRUE(Eventually([&] { return answered == 2; }));
  EXPECT_THAT(capture.Text(), HasSubstr("lock.broken probe=A1 holder_session=" + holder.session()->id().name() +
                                        " waiter_session=" + waiter.session()->id().name() + " holder=\"session "));
}

}  // namespace
}  // namespace probegate
