// A connection counts each request line exactly once, however the request ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/port_fixture.h"
#include "tests/telemetry/exposed.h"

namespace probegate {
namespace {

class Counted {
 public:
  // By then all pending requests have ended.
  explicit Counted(PortFixture& fixture) {
    fixture.Finish();
    text_ = fixture.Metrics();
  }

  double Request(const std::string& request, const std::string& status) const {
    return Exposed(text_, "probegate_gateway_requests_total{request=\"" + request + "\",status=\"" + status + "\"}")
        .value_or(-1);
  }
  double all_requests() const { return SumExposed(text_, "probegate_gateway_requests_total"); }
  double timed() const { return Exposed(text_, "probegate_gateway_request_seconds_count").value_or(-1); }
  double Gateway(const std::string& series) const { return Exposed(text_, "probegate_gateway_" + series).value_or(-1); }

 private:
  std::string text_;
};

TEST(ConnectionMetrics, CountsRequestsThatTheServerAnswers) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "open") + Line(2, "read_ap", "[0]") + Line(3, "read_ap", "[0]"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(3));
  session->AnswerOk(0);
  session->AnswerError(1, v1::ERROR_KIND_TRANSFER_FAULT, "FAULT");
  session->AnswerOk(2);
  for (int i = 0; i < 3; ++i) client.ReadLine();
  const Counted counted(fixture);
  EXPECT_EQ(counted.Request("open", "ok"), 1);
  EXPECT_EQ(counted.Request("read_ap", "transfer_fault"), 1);
  EXPECT_EQ(counted.Request("read_ap", "ok"), 1);
  EXPECT_EQ(counted.all_requests(), 3);
  EXPECT_EQ(counted.timed(), 3);
}

TEST(ConnectionMetrics, CountsRequestsAnsweredWithoutTheServer) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Ask(R"({"id": 1, "request": "hello", "arguments": [1]})");
  client.Ask(R"({"id": 2, "request": "hello", "arguments": [7]})");
  client.Ask(R"({"id": 3, "request": "hello", "arguments": []})");
  client.Ask(R"({"id": 4, "request": "warp", "arguments": [9]})");
  client.Ask("nonsense");
  client.Ask(R"({"id": 5})");
  const Counted counted(fixture);
  EXPECT_EQ(counted.Request("hello", "ok"), 1);
  EXPECT_EQ(counted.Request("hello", "general_error"), 2);
  EXPECT_EQ(counted.Request("unknown", "general_error"), 3);
  EXPECT_EQ(counted.all_requests(), 6);
  EXPECT_EQ(counted.Gateway("bad_lines_total"), 2);
}

TEST(ConnectionMetrics, CountsRequestsThatWaitedForTheirTurn) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "open") + Line(2, "hello", "[1]") + Line(3, "hello", "[7]"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(1));
  session->AnswerOk(0);
  for (int i = 0; i < 3; ++i) client.ReadLine();
  const Counted counted(fixture);
  EXPECT_EQ(counted.Request("hello", "ok"), 1);
  EXPECT_EQ(counted.Request("hello", "general_error"), 1);
  EXPECT_EQ(counted.all_requests(), 3);
}

TEST(ConnectionMetrics, CountsALostSession) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "open") + Line(2, "hello", "[1]") + Line(3, "flush"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  session->End("the server went away");
  for (int i = 0; i < 3; ++i) client.ReadLine();
  client.Ask(R"({"id": 4, "request": "flush"})");
  const Counted counted(fixture);
  EXPECT_EQ(counted.Request("open", "probe_disconnected"), 1);
  EXPECT_EQ(counted.Request("hello", "ok"), 1);
  EXPECT_EQ(counted.Request("flush", "probe_disconnected"), 2);
  EXPECT_EQ(counted.all_requests(), 4);
  EXPECT_EQ(counted.Gateway("sessions_lost_total"), 1);
}

TEST(ConnectionMetrics, CountsUnansweredRequestsOfAClientThatIsGone) {
  PortFixture fixture(&Hold);
  {
    TestClient client(fixture.port());
    client.Send(Line(1, "open") + Line(2, "hello", "[1]"));
    const auto session = fixture.upstream.WaitForSession(0);
    ASSERT_TRUE(session->WaitForRequests(1));
    client.Reset();
    ASSERT_TRUE(session->WaitForDrop());
  }
  const Counted counted(fixture);
  EXPECT_EQ(counted.Request("open", "unanswered"), 1);
  EXPECT_EQ(counted.Request("hello", "unanswered"), 1);
  EXPECT_EQ(counted.all_requests(), 2);
  EXPECT_EQ(counted.timed(), 2);
  EXPECT_EQ(counted.Gateway("sessions_lost_total"), 0);
}

TEST(ConnectionMetrics, CountsALineThatIsTooLong) {
  PortFixture fixture(&Hold, {.max_line_bytes = 1000});
  TestClient client(fixture.port());
  client.Send(Line(1, "open"));
  ASSERT_TRUE(fixture.upstream.WaitForSession(0)->WaitForRequests(1));
  client.Send(std::string(1001, 'x').append("\n"));
  while (client.ReadLine()) {
  }
  const Counted counted(fixture);
  EXPECT_EQ(counted.Request("open", "probe_disconnected"), 1);
  EXPECT_EQ(counted.Request("unknown", "general_error"), 1);
  EXPECT_EQ(counted.all_requests(), 2);
  EXPECT_EQ(counted.Gateway("bad_lines_total"), 1);
}

TEST(ConnectionMetrics, CountsARefusedConnection) {
  PortFixture fixture(&SucceedAtOnce, {}, 1);
  TestClient first(fixture.port());
  first.Ask(R"({"id": 1, "request": "open"})");
  TestClient second(fixture.port());
  second.Ask(R"({"id": 1, "request": "hello", "arguments": [1]})");
  EXPECT_EQ(second.ReadLine(), std::nullopt);
  EXPECT_EQ(Exposed(fixture.Metrics(), "probegate_gateway_connections"), 1);
  const Counted counted(fixture);
  EXPECT_EQ(counted.Request("open", "ok"), 1);
  EXPECT_EQ(counted.Request("hello", "probe_disconnected"), 1);
  EXPECT_EQ(counted.all_requests(), 2);
  EXPECT_EQ(counted.Gateway("connections"), 0);
  EXPECT_EQ(counted.Gateway("connections_accepted_total"), 1);
  EXPECT_EQ(counted.Gateway("connections_refused_total"), 1);
}

TEST(ConnectionMetrics, CountsBytesInBothDirections) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient client(fixture.port());
  const std::string request = R"({"id": 1, "request": "open"})";
  const std::string reply = client.Ask(request);
  const Counted counted(fixture);
  EXPECT_EQ(counted.Gateway(R"(line_bytes_total{direction="in"})"), static_cast<double>(request.size() + 1));
  EXPECT_EQ(counted.Gateway(R"(line_bytes_total{direction="out"})"), static_cast<double>(reply.size() + 1));
}

constexpr const char* kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string Traced(int id, const std::string& request, const std::string& traceparent) {
  return R"({"id": )" + std::to_string(id) + R"(, "traceparent": )" + traceparent + R"(, "request": ")" + request +
         "\"}\n";
}

TEST(ConnectionTrace, AValidTraceparentGoesUpstream) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient client(fixture.port());
  client.Send(Traced(1, "open", '"' + std::string(kTraceparent) + '"') + Line(2, "flush"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  EXPECT_EQ(session->traceparent(), kTraceparent);
  EXPECT_EQ(session->request(0).traceparent(), kTraceparent);
  EXPECT_EQ(session->request(1).traceparent(), "");
}

TEST(ConnectionTrace, AnInvalidTraceparentIsIgnored) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient client(fixture.port());
  int id = 0;
  for (const char* value : {"7", "null", "[]", R"("")", R"("00-0af7651916cd43dd8448eb211c80319c")",
                            R"("00-00000000000000000000000000000000-b7ad6b7169203331-01")"}) {
    ++id;
    client.Send(Traced(id, "open", value));
    EXPECT_EQ(client.ReadLine(), R"({"id": )" + std::to_string(id) + R"(, "status": 0})") << value;
  }
  const auto session = fixture.upstream.WaitForSession(0);
  EXPECT_EQ(session->traceparent(), "");
  for (size_t i = 0; i < session->request_count(); ++i) EXPECT_EQ(session->request(i).traceparent(), "") << i;
}

}  // namespace
}  // namespace probegate
