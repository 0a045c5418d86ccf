// What the audit log says of sessions, and what happens while it cannot be written.
#include "server/sessions/session_audit.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/session_name.h"
#include "gmock/gmock.h"
#include "probe/error.h"
#include "tests/access/service/paper_sink.h"
#include "tests/access/service/rules.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SessionAuditTest : public testing::Test {
 protected:
  SessionAuditTest() { server.Plug("PROBE1"); }
  ~SessionAuditTest() override { server.catalog.Stop("the test is over"); }

  absl::StatusOr<SessionRegistry::Opened> Open(const std::string& who) {
    v1::OpenSessionRequest request;
    request.set_probe("PROBE1");
    request.mutable_client()->set_name("pyocd");
    Caller caller = TokenCaller(who);
    caller.method = "/probegate.v1.DebugProbe/Stream";
    return server.sessions.Open(request, caller, [](const absl::Status&) {});
  }
  std::string Written() {
    EXPECT_TRUE(log->Flush());
    MutexLock lock(paper->mutex);
    return paper->text;
  }

  const std::shared_ptr<Paper> paper = std::make_shared<Paper>();
  const std::unique_ptr<AuditLog> log = *AuditLog::Start(std::make_unique<PaperSink>(paper));
  ServerFixture server{{.access = kRestricted,
                        .audit = log.get(),
                        .rules = Rules("rules: [{name: all, who: {token: [user, boss]}, may: [view, use, kick]}]")}};
};

// A field of a line, as JSON.
std::string Field(const std::string& name, const std::string& value) { return "\"" + name + "\":\"" + value + "\""; }

TEST_F(SessionAuditTest, ASessionsBeginningAndEnd) {
  auto opened = Open("user");
  ASSERT_TRUE(opened.ok());
  const std::string id = opened->response.session_id();
  opened->session.Release(SessionEndCause::kClosed);
  const std::string written = Written();
  for (const std::string& field :
       {Field("event", "session.opened"), Field("decision", "allowed"), Field("identity", "token:user"),
        Field("proof", "token"), Field("peer", "10.0.0.1:1000"), Field("client", "pyocd"),
        Field("method", "/probegate.v1.DebugProbe/Stream"), Field("probe", "PROBE1"), Field("session", SessionName(id)),
        Field("rule", "all (line 1)"), Field("event", "session.ended"), Field("reason", "closed: its stream ended")}) {
    EXPECT_THAT(written, HasSubstr(field));
  }
  EXPECT_THAT(written, Not(HasSubstr(id)));
}

TEST_F(SessionAuditTest, KicksOfOthers) {
  const auto first = Open("user");
  const auto second = Open("user");
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE(server.sessions.End(SessionName(first->response.session_id()), "", TokenCaller("user")).ok());
  EXPECT_THAT(Written(), Not(HasSubstr("session.kicked")));
  ASSERT_TRUE(server.sessions.End(SessionName(second->response.session_id()), "lunch", TokenCaller("boss")).ok());
  EXPECT_THAT(Written(), AllOf(HasSubstr(Field("event", "session.kicked")), HasSubstr(Field("identity", "token:boss")),
                               HasSubstr("as token:user: lunch")));
}

TEST_F(SessionAuditTest, WhatASessionDoesToTheTarget) {
  const SessionSnapshot session{.name = "0123456789abcdef",
                                .probe = "PROBE1",
                                .lock_count = 3,
                                .written = {.bytes = 12, .first = 16, .last = 27}};
  server.audit.OnProbeReset(session);
  server.audit.OnLockTaken(session);
  server.audit.OnLockBroken(session, {.name = "fedcba9876543210"});
  server.audit.Ended(session, {SessionEndCause::kIdle, absl::CancelledError("idle")});
  const std::string written = Written();
  EXPECT_THAT(written, AllOf(HasSubstr(Field("event", "probe.reset")), HasSubstr(Field("event", "lock.taken")),
                             HasSubstr(Field("event", "lock.broken")), HasSubstr("\"locks\":3"),
                             HasSubstr("waited for by session fedcba9876543210")));
  EXPECT_THAT(written, AllOf(HasSubstr("\"bytes\":12"), HasSubstr(Field("first_address", "0x00000010")),
                             HasSubstr(Field("last_address", "0x0000001b"))));
}

TEST_F(SessionAuditTest, ASessionThatIsEndedLosesItsLock) {
  auto opened = Open("user");
  ASSERT_TRUE(opened.ok());
  std::atomic<int> answered = 0;
  for (int i = 0; i < 2; ++i) {
    v1::StreamRequest request;
    request.mutable_lock();
    opened->session.session()->Submit(request, [&](const v1::StreamResponse&) { ++answered; });
  }
  ASSERT_TRUE(Eventually([&] { return answered == 2; }));
  ASSERT_TRUE(server.sessions.End(SessionName(opened->response.session_id()), "lunch", TokenCaller("boss")).ok());
  opened->session.Release(SessionEndCause::kClosed);
  EXPECT_THAT(Written(), AllOf(HasSubstr(Field("event", "lock.broken")), HasSubstr("\"locks\":1"),
                               HasSubstr(Field("reason", "kicked: the session was ended: lunch"))));
}

TEST_F(SessionAuditTest, WithoutAnAuditLogThatCanBeWrittenNoSessionBegins) {
  const auto before = Open("user");
  ASSERT_TRUE(before.ok());
  {
    MutexLock lock(paper->mutex);
    paper->full = true;
  }
  server.audit.OnProbeReset({});
  ASSERT_TRUE(Eventually([&] { return !log->ok().ok(); }));
  EXPECT_TRUE(IsError(Open("user").status(), ErrorKind::kUnavailable));
  EXPECT_EQ(server.sessions.List("").size(), 1u) << "sessions that are open go on";
  {
    MutexLock lock(paper->mutex);
    paper->full = false;
  }
  ASSERT_TRUE(Eventually([&] { return log->ok().ok(); }));
  EXPECT_TRUE(Open("user").ok());
}

}  // namespace
}  // namespace probegate
