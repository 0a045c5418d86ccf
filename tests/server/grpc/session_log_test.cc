// What metrics and logs show about a session over gRPC: how its stream ended, and its trace.
#include "gmock/gmock.h"
#include "tests/server/grpc/rim_fixture.h"
#include "tests/telemetry/exposed.h"
#include "tests/telemetry/log_capture.h"

namespace probegate {
namespace {

using testing::HasSubstr;

constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kTrace[] = "trace=0af7651916cd43dd8448eb211c80319c";

class SessionLogTest : public RimTest {
 protected:
  explicit SessionLogTest(ServerOptions options = {}) : RimTest(std::move(options)) { server.Plug("A1"); }

  double Ended(const std::string& cause) {
    const std::string series = "probegate_sessions_ended_total{cause=\"" + cause + "\",probe=\"A1\"}";
    return Exposed(server.metric_set, series).value_or(-1);
  }
};

TEST_F(SessionLogTest, AHalfClosedStreamCountsAsClosed) {
  grpc::ClientContext context;
  const auto stream = OpenStream(context, "A1");
  ASSERT_TRUE(stream->WritesDone());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(Ended("closed"), 1);
}

TEST_F(SessionLogTest, AStreamCancelledAfterClosingTheProbeCountsAsClosed) {
  grpc::ClientContext context;
  const auto stream = OpenStream(context, "A1");
  v1::StreamRequest open = Command(2);
  open.mutable_open();
  EXPECT_TRUE(Ask(*stream, open).has_open());
  v1::StreamRequest close = Command(3);
  close.mutable_close();
  EXPECT_TRUE(Ask(*stream, close).has_close());
  context.TryCancel();
  EXPECT_TRUE(Eventually([this] { return Ended("closed") == 1; }));
  EXPECT_EQ(Ended("client_gone"), 0);
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(SessionLogTest, AStreamCancelledWithTheProbeOpenCountsAsClientGone) {
  grpc::ClientContext context;
  const auto stream = OpenStream(context, "A1");
  v1::StreamRequest open = Command(2);
  open.mutable_open();
  EXPECT_TRUE(Ask(*stream, open).has_open());
  context.TryCancel();
  EXPECT_TRUE(Eventually([this] { return Ended("client_gone") == 1; }));
  EXPECT_EQ(Ended("closed"), 0);
  EXPECT_FALSE(stream->Finish().ok());
}

class VerboseSessionLogTest : public SessionLogTest {
 protected:
  VerboseSessionLogTest() : SessionLogTest({.log_level = LogLevel::kDebug}) {}
};

TEST_F(VerboseSessionLogTest, AStreamsRequestsCarryTheirTraces) {
  LogCapture capture(server.log);
  grpc::ClientContext context;
  const auto stream = debug_probe->Stream(&context);
  v1::StreamRequest open = OpenSessionRequest("A1");
  open.set_traceparent(kTraceparent);
  EXPECT_TRUE(Ask(*stream, open).has_open_session());
  v1::StreamRequest state = Command(2);
  state.mutable_get_state();
  state.set_traceparent("00-11111111111111111111111111111111-b7ad6b7169203331-00");
  EXPECT_TRUE(Ask(*stream, state).has_get_state());
  const std::string log = capture.Text();
  EXPECT_THAT(log, testing::ContainsRegex("session.opened .*trace=0af7651916cd43dd8448eb211c80319c"));
  EXPECT_THAT(log, testing::ContainsRegex("command.done .*request=2 .*trace=11111111111111111111111111111111"));
  ASSERT_TRUE(stream->WritesDone());
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(VerboseSessionLogTest, AUnaryCallsTraceComesFromItsMetadata) {
  LogCapture capture(server.log);
  grpc::ClientContext opening;
  opening.AddMetadata("traceparent", kTraceparent);
  v1::OpenSessionRequest open;
  open.set_probe("A1");
  v1::OpenSessionResponse opened;
  ASSERT_TRUE(debug_probe->OpenSession(&opening, open, &opened).ok());
  const std::string opened_log = capture.Text();
  EXPECT_THAT(opened_log, HasSubstr("session.opened"));
  EXPECT_THAT(opened_log, HasSubstr(kTrace));

  LogCapture asked(server.log);
  grpc::ClientContext asking;
  asking.AddMetadata("traceparent", kTraceparent);
  v1::GetStateRequest request;
  request.set_session_id(opened.session_id());
  v1::GetStateResponse response;
  ASSERT_TRUE(debug_probe->GetState(&asking, request, &response).ok());
  const std::string asked_log = asked.Text();
  EXPECT_THAT(asked_log, HasSubstr("command.done"));
  EXPECT_THAT(asked_log, HasSubstr(kTrace));
}

}  // namespace
}  // namespace probegate
