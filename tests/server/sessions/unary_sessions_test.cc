// Sessions of unary calls: who may use them, when they end, and how much may be unanswered. The test controls the clock
// and calls EndIdle.
#include "server/sessions/unary_sessions.h"

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "base/session_name.h"
#include "gmock/gmock.h"
#include "probe/error.h"
#include "server/commands/error_detail.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

using std::chrono::seconds;

const Caller kAlice{Peer{"10.0.0.1:1000", "10.0.0.1"}};
const Caller kAliceAgain{Peer{"10.0.0.1:2000", "10.0.0.1"}};
const Caller kMallory{Peer{"10.0.0.2:1000", "10.0.0.2"}};

using Answer = absl::StatusOr<v1::StreamResponse>;

v1::StreamRequest Lock() {
  v1::StreamRequest request;
  request.mutable_lock();
  return request;
}

class UnarySessionsTest : public testing::Test {
 protected:
  ~UnarySessionsTest() override { server.catalog.Stop("the test is over"); }

  static v1::OpenSessionRequest Request(uint32_t idle_timeout = 0) {
    v1::OpenSessionRequest request;
    request.set_probe("PROBE1");
    request.set_idle_timeout_seconds(idle_timeout);
    return request;
  }
  std::string Open(const Caller& peer, uint32_t idle_timeout = 0) {
    return sessions.Open(Request(idle_timeout), peer)->session_id();
  }
  Answer Call(const std::string& session, const Caller& peer, const v1::StreamRequest& request) {
    std::atomic<bool> answered = false;
    Answer answer;
    sessions.Submit(session, peer, request, [&](Answer response) {
      answer = std::move(response);
      answered = true;
    });
    EXPECT_TRUE(Eventually([&] { return answered.load(); }));
    return answer;
  }
  // The answer to GetState.
  v1::StreamResponse Ask(const std::string& session, const Caller& peer) {
    v1::StreamRequest request;
    request.mutable_get_state();
    Answer answer = Call(session, peer, request);
    if (answer.ok()) return *std::move(answer);
    v1::StreamResponse error;
    *error.mutable_error() = ToErrorDetail(answer.status(), {});
    return error;
  }
  size_t Count() { return server.sessions.List("").size(); }
  void Pass(seconds time) {
    now += time;
    sessions.EndIdle();
  }

  ServerFixture server{{.max_sessions = 3}};
  const std::shared_ptr<FakeWire> wire = server.Plug("PROBE1");
  UnarySessions::Clock::time_point now{seconds(1'000'000)};
  UnarySessions sessions{server.sessions, [this] { return now; }};
};

// --- Who may use them

TEST_F(UnarySessionsTest, AnIdIsValidOnlyForItsPeersHost) {
  const std::string session = Open(kAlice);
  EXPECT_TRUE(Ask(session, kAlice).has_get_state());
  EXPECT_TRUE(Ask(session, kAliceAgain).has_get_state()) << "another connection from the same host";
  EXPECT_EQ(Ask(session, kMallory).error().kind(), v1::ERROR_KIND_NOT_FOUND);
  EXPECT_TRUE(IsError(sessions.Close(session, kMallory), ErrorKind::kNotFound));
  EXPECT_TRUE(sessions.Close(session, kAlice).ok());
  EXPECT_TRUE(IsError(sessions.Close(session, kAlice), ErrorKind::kNotFound));
}

TEST_F(UnarySessionsTest, ASessionsNameCannotBeUsedAsItsId) {
  const std::string session = Open(kAlice);
  EXPECT_EQ(Ask(SessionName(session), kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
  EXPECT_EQ(Ask(session.substr(0, 31) + "x", kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
}

TEST_F(UnarySessionsTest, AStreamsSessionAcceptsNoUnaryCalls) {
  const auto opened = server.sessions.Open(Request(), kAlice, [](const absl::Status&) {});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(Ask(opened->response.session_id(), kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
}

TEST_F(UnarySessionsTest, TheNumberOfSessionsIsLimited) {
  for (int i = 0; i < 3; ++i) Open(kAlice);
  const auto refused = sessions.Open(Request(), kAlice);
  EXPECT_TRUE(IsError(refused.status(), ErrorKind::kBusy));
  const std::string first = server.sessions.List("").front().session();
  EXPECT_TRUE(server.sessions.End(first, "", kAlice).ok());
  EXPECT_TRUE(sessions.Open(Request(), kAlice).ok());
}

// --- Idle time-outs

TEST_F(UnarySessionsTest, AnIdleSessionEnds) {
  const std::string session = Open(kAlice, 10);
  Pass(seconds(9));
  EXPECT_EQ(Count(), 1u);
  Pass(seconds(1));
  EXPECT_EQ(Count(), 0u);
  EXPECT_EQ(Ask(session, kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
}

TEST_F(UnarySessionsTest, TheTimeoutIsAMinuteUnlessTheClientSaysOtherwise) {
  Open(kAlice);
  Pass(seconds(59));
  EXPECT_EQ(Count(), 1u);
  Pass(seconds(1));
  EXPECT_EQ(Count(), 0u);
}

TEST_F(UnarySessionsTest, ASessionIsIdleAgainOnceItsCommandIsAnswered) {
  const std::string session = Open(kAlice, 10);
  Pass(seconds(9));
  EXPECT_TRUE(Ask(session, kAlice).has_get_state());
  Pass(seconds(9));
  EXPECT_EQ(Count(), 1u);
  Pass(seconds(1));
  EXPECT_EQ(Count(), 0u);
}

TEST_F(UnarySessionsTest, ASessionWithAPendingCallIsNotIdle) {
  const std::string holder = Open(kAlice, 3600);
  const std::string waiter = Open(kAlice, 1);
  Open(kAlice, 2);
  ASSERT_TRUE(Call(holder, kAlice, Lock()).ok());
  sessions.Submit(waiter, kAlice, Lock(), [](const auto&) {});
  Pass(seconds(100));
  ASSERT_EQ(Count(), 2u) << "the one that is idle ends";
  EXPECT_EQ(server.sessions.List("")[1].session(), SessionName(waiter));
}

TEST_F(UnarySessionsTest, AnIdleTimeoutOutOfRangeIsRefused) {
  EXPECT_TRUE(IsError(sessions.Open(Request(86'401), kAlice).status(), ErrorKind::kInvalidArgument));
  EXPECT_EQ(Count(), 0u);
  EXPECT_TRUE(sessions.Open(Request(86'400), kAlice).ok());
}

TEST_F(UnarySessionsTest, AwaitIdleReturnsWhenASessionIsDueOrWaitingIsStopped) {
  Open(kAlice, 10);
  now += seconds(10);
  EXPECT_TRUE(sessions.AwaitIdle());
  sessions.StopWaiting();
  EXPECT_FALSE(sessions.AwaitIdle());
}

// --- Limits of unanswered calls

TEST_F(UnarySessionsTest, UnansweredCallsAreLimited) {
  const std::string holder = Open(kAlice, 3600);
  const std::string flooder = Open(kAlice, 3600);
  ASSERT_TRUE(Call(holder, kAlice, Lock()).ok());
  ASSERT_TRUE(server.sessions.List("")[0].holds_lock());
  v1::StreamRequest block;
  block.mutable_write_block8()->mutable_data()->resize(16 << 20);
  std::atomic<int> refused = 0;
  for (int i = 0; i < 4; ++i) {
    sessions.Submit(flooder, kAlice, block, [&](const Answer& response) {
      if (IsError(response.status(), ErrorKind::kBusy)) ++refused;
    });
  }
  EXPECT_EQ(refused, 3) << "two blocks with their envelopes are more than 32 MiB";
  for (int i = 0; i < 300; ++i) {
    sessions.Submit(flooder, kAlice, Lock(), [&](const Answer& response) {
      if (IsError(response.status(), ErrorKind::kBusy)) ++refused;
    });
  }
  EXPECT_EQ(refused, 3 + 300 - 255);
  EXPECT_TRUE(sessions.Close(flooder, kAlice).ok());
  EXPECT_TRUE(Ask(holder, kAlice).has_get_state());
}

// --- How they end

TEST_F(UnarySessionsTest, ClosingCutsOffPendingCalls) {
  const std::string holder = Open(kAlice);
  const std::string waiter = Open(kAlice);
  ASSERT_TRUE(Call(holder, kAlice, Lock()).ok());
  std::vector<absl::Status> ends;
  for (int i = 0; i < 2; ++i) {
    sessions.Submit(waiter, kAlice, Lock(), [&](const Answer& response) { ends.push_back(response.status()); });
  }
  EXPECT_TRUE(ends.empty());
  ASSERT_TRUE(sessions.Close(waiter, kAlice).ok());
  EXPECT_THAT(ends, testing::ElementsAre(absl::CancelledError("the session was closed"),
                                         absl::CancelledError("the session was closed")));
}

TEST_F(UnarySessionsTest, PendingCallsGetTheReasonWhenASessionIsEnded) {
  const std::string holder = Open(kAlice);
  const std::string waiter = Open(kAlice);
  ASSERT_TRUE(Call(holder, kAlice, Lock()).ok());
  std::vector<absl::Status> ends;
  sessions.Submit(waiter, kAlice, Lock(), [&](const Answer& response) { ends.push_back(response.status()); });
  ASSERT_TRUE(server.sessions.End(SessionName(waiter), "lunch", kAlice).ok());
  EXPECT_THAT(ends, testing::ElementsAre(absl::CancelledError("the session was ended: lunch")));
  EXPECT_EQ(Ask(waiter, kAlice).error().kind(), v1::ERROR_KIND_NOT_FOUND);
}

TEST_F(UnarySessionsTest, AnEndedSessionIsGoneAtOnceEvenWithACommandOnTheWire) {
  const std::string session = Open(kAlice);
  v1::StreamRequest request;
  request.mutable_open();
  ASSERT_TRUE(Call(session, kAlice, request)->has_open());
  request.mutable_connect()->set_protocol(v1::WIRE_PROTOCOL_SWD);
  ASSERT_TRUE(Call(session, kAlice, request)->has_connect());
  wire->HoldTransfers();
  request.mutable_read_dp()->set_address(4);
  std::atomic<bool> cut_off = false;
  absl::Status end;
  sessions.Submit(session, kAlice, request, [&](const Answer& response) {
    end = response.status();
    cut_off = true;
  });
  ASSERT_TRUE(wire->WaitUntilHeld(kBound));
  ASSERT_TRUE(server.sessions.End(SessionName(session), "lunch", kAlice).ok());
  EXPECT_EQ(Count(), 0u);
  wire->ReleaseTransfers();
  ASSERT_TRUE(Eventually([&] { return cut_off.load(); }));
  EXPECT_EQ(end, absl::CancelledError("the session was ended: lunch"));
}

TEST_F(UnarySessionsTest, ASessionEndsWithItsProbe) {
  Open(kAlice);
  wire->Unplug();
  EXPECT_TRUE(Eventually([&] { return Count() == 0; }));
}

TEST_F(UnarySessionsTest, DestroyingTheOwnerEndsItsSessions) {
  {
    UnarySessions others(server.sessions);
    ASSERT_TRUE(others.Open(Request(), kAlice).ok());
    EXPECT_EQ(Count(), 1u);
  }
  EXPECT_EQ(Count(), 0u);
}

}  // namespace
}  // namespace probegate
