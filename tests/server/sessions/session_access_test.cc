// What the access file has to say about sessions: who may open and end them, whose they are, and when they must end.
#include <atomic>
#include <optional>
#include <string>

#include "base/session_name.h"
#include "gmock/gmock.h"
#include "probe/error.h"
#include "tests/access/service/rules.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kRules[] = R"(rules:
  - who: {token: user}
    probes: {uid: PROBE1}
    may: [view, use]
    limits: {sessions: 2, lock-seconds: 5}
  - who: {token: viewer}
    probes: {uid: PROBE1}
    may: [view]
  - who: {token: [other, gateway]}
    may: [view, use]
  - who: {token: admin}
    may: [view, kick]
  - who: {token: gateway}
    may: [gateway]
)";

class SessionAccessTest : public testing::Test {
 protected:
  SessionAccessTest() {
    server.Plug("PROBE1");
    server.Plug("PROBE2");
  }
  ~SessionAccessTest() override { server.catalog.Stop("the test is over"); }

  static v1::OpenSessionRequest On(const std::string& probe) {
    v1::OpenSessionRequest request;
    request.set_probe(probe);
    return request;
  }
  absl::StatusOr<SessionRegistry::Opened> Open(const std::string& who, const std::string& probe,
                                               std::optional<absl::Status>* told = nullptr) {
    return server.sessions.Open(On(probe), TokenCaller(who), [told](const absl::Status& why) {
      if (told != nullptr) *told = why;
    });
  }
  std::string Refusal(const std::string& who, const std::string& probe, ErrorKind kind) {
    const absl::Status status = Open(who, probe).status();
    EXPECT_TRUE(IsError(status, kind)) << status;
    return std::string(status.message());
  }

  ServerFixture server{{.access = kRestricted, .rules = Rules(kRules)}};
};

TEST_F(SessionAccessTest, OpeningTakesTheRightUse) {
  EXPECT_TRUE(Open("user", "PROBE1").ok());
  EXPECT_THAT(Refusal("viewer", "PROBE1", ErrorKind::kDenied),
              AllOf(HasSubstr("token:viewer"), HasSubstr("`use`"), HasSubstr("PROBE1")));
}

TEST_F(SessionAccessTest, AProbeThatOneMayNotSeeIsNotThere) {
  const std::string hidden = Refusal("user", "PROBE2", ErrorKind::kNotFound);
  const std::string missing = Refusal("user", "PROBE9", ErrorKind::kNotFound);
  EXPECT_EQ(hidden, "no probe matches \"PROBE2\"; there are: PROBE1");
  EXPECT_EQ(missing, "no probe matches \"PROBE9\"; there are: PROBE1");
  // A part of a name is ambiguous only among the probes that one may see.
  EXPECT_TRUE(Open("user", "PROBE").ok());
}

TEST_F(SessionAccessTest, SessionsCountAsTheirIdentity) {
  auto first = Open("user", "PROBE1");
  auto second = Open("user", "PROBE1");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->client, "token:user");
  EXPECT_THAT(Refusal("user", "PROBE1", ErrorKind::kBusy), HasSubstr("one client is 2, and token:user has 2"));
  EXPECT_TRUE(Open("other", "PROBE1").ok()) << "it comes from the same address";
}

TEST_F(SessionAccessTest, ListsAndMessagesNameTheIdentity) {
  const auto opened = Open("user", "PROBE1");
  ASSERT_TRUE(opened.ok());
  const v1::SessionInfo info = server.sessions.List("")[0];
  EXPECT_EQ(info.identity().name(), "token:user");
  EXPECT_EQ(info.identity().proof(), "token");
  const SessionSnapshot snapshot = opened->session.session()->snapshot();
  EXPECT_THAT(DescribeClient(snapshot), HasSubstr(" as token:user"));
  EXPECT_EQ(snapshot.lock_max, std::chrono::seconds(5));
}

TEST_F(SessionAccessTest, OnlyTheRightGatewayLetsAClientSpeakForOthers) {
  v1::OpenSessionRequest request = On("PROBE1");
  request.mutable_client()->set_peer_address("10.9.9.9:5");
  const auto of = [&](const Caller& caller) {
    const auto opened = server.sessions.Open(request, caller, [](const absl::Status&) {});
    return opened.ok() ? opened->client : opened.status().ToString();
  };
  EXPECT_EQ(of(TokenCaller("gateway")), "10.9.9.9");
  EXPECT_EQ(of(TokenCaller("other")), "token:other");
  EXPECT_EQ(of(TokenCaller("other", "127.0.0.1")), "token:other") << "loopback is no reason once there are rules";
}

TEST_F(SessionAccessTest, EndingOthersSessionsTakesTheRightKick) {
  std::optional<absl::Status> told;
  const auto opened = Open("user", "PROBE1", &told);
  ASSERT_TRUE(opened.ok());
  const std::string name = SessionName(opened->response.session_id());
  const absl::Status denied = server.sessions.End(name, "", TokenCaller("viewer"));
  EXPECT_TRUE(IsError(denied, ErrorKind::kDenied));
  EXPECT_THAT(std::string(denied.message()), HasSubstr("`kick` for the probe PROBE1"));
  EXPECT_TRUE(IsError(server.sessions.End(name, "", TokenCaller("stranger")), ErrorKind::kNotFound))
      << "a session on a probe that one may not see is not there";
  EXPECT_FALSE(told);
  EXPECT_TRUE(server.sessions.End(name, "", TokenCaller("admin")).ok());
  EXPECT_TRUE(told);
}

TEST_F(SessionAccessTest, AnyoneMayEndTheirOwnSessions) {
  std::optional<absl::Status> told;
  const auto opened = Open("user", "PROBE1", &told);
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(
      server.sessions.End(SessionName(opened->response.session_id()), "", TokenCaller("user", "10.0.0.2")).ok());
  EXPECT_TRUE(told);
}

TEST_F(SessionAccessTest, SessionsOfUnaryCallsBelongToTheirIdentity) {
  const auto opened = server.unary_sessions.Open(On("PROBE1"), TokenCaller("user"));
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(server.unary_sessions.CheckHasSession(TokenCaller("user", "10.0.0.2")).ok());
  EXPECT_FALSE(server.unary_sessions.CheckHasSession(TokenCaller("other")).ok());
  EXPECT_TRUE(IsError(server.unary_sessions.Close(opened->session_id(), TokenCaller("other")), ErrorKind::kNotFound));
  EXPECT_TRUE(server.unary_sessions.Close(opened->session_id(), TokenCaller("user", "10.0.0.2")).ok());
}

TEST_F(SessionAccessTest, SessionsEndWhenTheRulesNoLongerAllowThem) {
  std::optional<absl::Status> told, other_told;
  const auto stream = Open("user", "PROBE1", &told);
  const auto other = Open("other", "PROBE1", &other_told);
  const auto calls = server.unary_sessions.Open(On("PROBE1"), TokenCaller("user"));
  ASSERT_TRUE(stream.ok() && other.ok() && calls.ok());
  server.access.SetCurrent(Rules("rules: [{who: {token: user}, may: [view]}, {who: {token: other}, may: [use]}]"));
  server.sessions.EndDenied();
  ASSERT_TRUE(told);
  EXPECT_TRUE(IsError(*told, ErrorKind::kDenied));
  EXPECT_THAT(std::string(told->message()),
              AllOf(HasSubstr("the access file has changed"), HasSubstr("`use` for the probe PROBE1")));
  EXPECT_FALSE(server.unary_sessions.CheckHasSession(TokenCaller("user")).ok());
  EXPECT_FALSE(other_told);
}

// --- Tokens that expire

class TokenGraceTest : public testing::Test {
 protected:
  TokenGraceTest() { server.Plug("PROBE1"); }
  ~TokenGraceTest() override { server.catalog.Stop("the test is over"); }

  AccessControl::Settings Settings() {
    AccessControl::Settings settings = kRestricted;
    settings.token_grace = std::chrono::seconds(60);
    settings.authenticator.clock = [this] { return absl::FromUnixMillis(now); };
    return settings;
  }
  // A caller whose session has this time left.
  Caller With(absl::Duration left) const {
    Caller caller = TokenCaller("user");
    caller.identity.expires = absl::FromUnixMillis(now) - absl::Seconds(60) + left;
    return caller;
  }
  static v1::OpenSessionRequest Request() {
    v1::OpenSessionRequest request;
    request.set_probe("PROBE1");
    return request;
  }

  std::atomic<int64_t> now = 1'000'000;  // in milliseconds; the tests' own time
  ServerFixture server{{.access = Settings(), .rules = Rules(kRules)}};
};

TEST_F(TokenGraceTest, ASessionEndsWhenTheGraceIsOver) {
  std::optional<absl::Status> told;
  const auto opened =
      server.sessions.Open(Request(), With(absl::ZeroDuration()), [&told](const absl::Status& why) { told = why; });
  ASSERT_TRUE(opened.ok());
  ASSERT_TRUE(told.has_value());
  EXPECT_TRUE(IsError(*told, ErrorKind::kUnauthenticated));
  EXPECT_THAT(std::string(told->message()), HasSubstr("the token of token:user expired at"));
}

TEST_F(TokenGraceTest, ANewerTokenKeepsASessionOfUnaryCallsAlive) {
  const auto goes_on = server.unary_sessions.Open(Request(), With(absl::Milliseconds(10)));
  std::atomic<bool> told = false;
  const auto ends =
      server.sessions.Open(Request(), With(absl::Milliseconds(10)), [&told](const absl::Status&) { told = true; });
  ASSERT_TRUE(goes_on.ok() && ends.ok());
  v1::StreamRequest request;
  request.mutable_get_state();
  const Caller renewed = With(absl::Hours(1));
  server.unary_sessions.Submit(goes_on->session_id(), renewed, request, [](const auto&) {});
  EXPECT_FALSE(told);
  now += 10;
  // It is looked at after the other one, which was opened first.
  ASSERT_TRUE(Eventually([&told] { return told.load(); }));
  EXPECT_TRUE(server.unary_sessions.Close(goes_on->session_id(), renewed).ok());
}

}  // namespace
}  // namespace probegate
