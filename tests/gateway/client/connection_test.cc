#include "gateway/client/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/port_fixture.h"

namespace probegate {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Status(int id, int status) {
  return R"({"id": )" + std::to_string(id) + R"(, "status": )" + std::to_string(status) + ",";
}

TEST(Connection, OpensASessionWithTheFirstRequestThatNeedsOne) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient client(fixture.port());
  EXPECT_EQ(client.Ask(R"({"id": 1, "request": "hello", "arguments": [1]})"), Ok(1));
  EXPECT_EQ(client.Ask(R"({"id": 2, "request": "readprop", "arguments": ["is_open"]})"),
            R"({"id": 2, "status": 0, "result": false})");
  EXPECT_EQ(client.Ask(R"({"id": 3, "request": "readprop", "arguments": ["wire_protocol"]})"), Ok(3));
  EXPECT_EQ(client.Ask(R"({"id": 4, "request": "readprop", "arguments": ["vendor_name"]})"),
            R"({"id": 4, "status": 0, "result": "Vendor"})");
  EXPECT_EQ(fixture.upstream.session_count(), 0U);
  EXPECT_EQ(client.Ask(R"({"id": 5, "request": "open"})"), Ok(5));
  const auto session = fixture.upstream.WaitForSession(0);
  EXPECT_EQ(session->opening().probe(), "PROBE1");
  EXPECT_EQ(session->opening().client().name(), "remote-probe client");
  EXPECT_THAT(session->opening().client().peer_address(), StartsWith("127.0.0.1:"));
  EXPECT_TRUE(session->request(0).has_open());
}

TEST(Connection, SendsWithoutWaitingAndAnswersInOrder) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "open") + Line(2, "hello", "[1]") + Line(3, "read_dp", "[0]") + "nonsense\n" + Line(5, "flush"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(3));
  session->AnswerOk(0);
  EXPECT_EQ(client.ReadLine(), Ok(1));
  EXPECT_EQ(client.ReadLine(), Ok(2));
  v1::StreamResponse dpidr = EmptyResponse(session->request(1));
  dpidr.mutable_read_dp()->set_value(0x2BA01477);
  session->Respond(dpidr);
  EXPECT_EQ(client.ReadLine(), R"({"id": 3, "status": 0, "result": 731911287})");
  EXPECT_EQ(client.ReadLine(), R"({"id": -1, "status": 1, "error": "invalid request format"})");
  session->AnswerOk(2);
  EXPECT_EQ(client.ReadLine(), Ok(5));
}

TEST(Connection, ReadsNoMoreThanMayBeInFlight) {
  PortFixture fixture(&Hold, {.max_in_flight = 4});
  TestClient client(fixture.port());
  std::string lines;
  for (int id = 0; id < 20; ++id) lines += Line(id, "flush");
  client.Send(lines);
  const auto session = fixture.upstream.WaitForSession(0);
  for (size_t answered = 0; answered < 20; ++answered) {
    ASSERT_TRUE(session->WaitForRequests(std::min<size_t>(answered + 4, 20)));
    EXPECT_LE(session->request_count(), answered + 4);
    session->AnswerOk(answered);
    EXPECT_EQ(client.ReadLine(), Ok(static_cast<int>(answered)));
  }
}

TEST(Connection, HoldsBoundedRepliesForAClientThatDoesNotRead) {
  PortFixture fixture(&Hold, {.max_held_bytes = 1 << 16});
  TestClient client(fixture.port());
  constexpr int kRequests = 200;
  std::string lines;
  for (int id = 0; id < kRequests; ++id) lines += Line(id, "read_ap_multiple", "[12, 65536]");
  client.Send(lines);
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(1));
  v1::StreamResponse response = EmptyResponse(session->request(0));
  response.mutable_read_ap_multiple()->mutable_values()->Resize(65536, 0xFFFFFFFF);
  // Socket buffers hold a few megabytes. These replies have 150 MB, so the gateway must ask for a pause long before the
  // end.
  ASSERT_TRUE(session->WaitForRequests(kRequests));
  for (int id = 0; id < kRequests; ++id) {
    response.set_request_id(session->request(static_cast<size_t>(id)).request_id());
    session->Respond(response);
  }
  EXPECT_TRUE(session->ever_paused());
  for (int id = 0; id < kRequests; ++id) {
    const auto line = client.ReadLine();
    ASSERT_TRUE(line.has_value());
    EXPECT_THAT(line->substr(0, 40), StartsWith(R"({"id": )" + std::to_string(id) + R"(, "status": 0, "result": [)"));
    EXPECT_EQ(line->size(), std::string(R"({"id": , "status": 0, "result": []})").size() + std::to_string(id).size() +
                                65536 * 12 - 2);
  }
}

TEST(Connection, AnswersEverythingAfterAFin) {
  PortFixture fixture(&Hold, {.post = false});
  TestClient client(fixture.port());
  client.Send(Line(1, "open") + Line(2, "lock") + R"({"id": 3, "request": "flush"})");
  client.ShutDownSending();
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(3));
  for (size_t i = 0; i < 3; ++i) session->AnswerOk(i);
  for (int id = 1; id <= 3; ++id) EXPECT_EQ(client.ReadLine(), Ok(id));
  EXPECT_EQ(client.ReadLine(), std::nullopt);
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(session->WaitForDrop());
}

TEST(Connection, AClientThatReadsLateGetsItsLastRepliesAfterTheGatewayHasClosed) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "read_ap_multiple", "[12, 8192]") + Line(2, "flush"));
  client.ShutDownSending();
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  v1::StreamResponse response = EmptyResponse(session->request(0));
  response.mutable_read_ap_multiple()->mutable_values()->Resize(8192, 0xFFFFFFFF);
  session->Respond(response);
  session->AnswerOk(1);
  EXPECT_TRUE(session->WaitForDrop());
  fixture.Finish();  // the connection has been closed, and the client has read nothing yet
  EXPECT_THAT(*client.ReadLine(), AllOf(StartsWith(Status(1, 0)), EndsWith("4294967295]}")));
  EXPECT_EQ(client.ReadLine(), Ok(2));
  EXPECT_EQ(client.ReadLine(), std::nullopt);
  EXPECT_FALSE(client.was_reset());
}

TEST(Connection, EndsTheSessionWhenTheClientResets) {
  PortFixture fixture(&Hold, {.max_in_flight = 2});
  TestClient client(fixture.port());
  // More requests than may be in flight, so that the gateway is not reading when the reset arrives.
  client.Send(Line(1, "open") + Line(2, "lock") + Line(3, "flush"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  client.Reset();
  EXPECT_TRUE(session->WaitForDrop());
}

TEST(Connection, ALostSessionStaysLostUntilOpen) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "open") + Line(2, "hello", "[1]") + Line(3, "flush"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  session->End("the server went away");
  EXPECT_EQ(client.ReadLine(), Status(1, 2) + R"( "error": "session lost: the server went away"})");
  EXPECT_EQ(client.ReadLine(), Ok(2));
  EXPECT_THAT(*client.ReadLine(), StartsWith(Status(3, 2)));

  EXPECT_THAT(client.Ask(R"({"id": 4, "request": "read_dp", "arguments": [0]})"), StartsWith(Status(4, 2)));
  EXPECT_THAT(client.Ask(R"({"id": 5, "request": "unlock"})"), StartsWith(Status(5, 2)));
  EXPECT_EQ(client.Ask(R"({"id": 6, "request": "readprop", "arguments": ["wire_protocol"]})"), Ok(6));
  EXPECT_EQ(fixture.upstream.session_count(), 1U);

  client.Send(Line(7, "open") + Line(8, "flush"));
  const auto next = fixture.upstream.WaitForSession(1);
  ASSERT_TRUE(next->WaitForRequests(2));
  EXPECT_TRUE(next->request(0).has_open());
  next->AnswerOk(0);
  next->AnswerOk(1);
  EXPECT_EQ(client.ReadLine(), Ok(7));
  EXPECT_EQ(client.ReadLine(), Ok(8));
}

TEST(Connection, ADisconnectedProbeEndsTheSession) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "open") + Line(2, "flush"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  session->AnswerError(0, v1::ERROR_KIND_PROBE_DISCONNECTED, "the probe was unplugged");
  EXPECT_EQ(client.ReadLine(), Status(1, 2) + R"( "error": "the probe was unplugged"})");
  EXPECT_EQ(client.ReadLine(), Status(2, 2) + R"( "error": "session lost: the probe was unplugged"})");
  EXPECT_TRUE(session->WaitForDrop());
}

TEST(Connection, ASessionThatCannotBeOpenedIsReportedAsProbeDisconnected) {
  PortFixture fixture(&SucceedAtOnce);
  fixture.upstream.RefuseSessions("debug probe PROBE1 is away");
  TestClient client(fixture.port());
  EXPECT_EQ(client.Ask(R"({"id": 1, "request": "open"})"),
            Status(1, 2) + R"( "error": "session lost: debug probe PROBE1 is away"})");
  fixture.upstream.RefuseSessions("");
  EXPECT_THAT(client.Ask(R"({"id": 2, "request": "lock"})"), StartsWith(Status(2, 2)));
  EXPECT_EQ(client.Ask(R"({"id": 3, "request": "open"})"), Ok(3));
}

TEST(Connection, AResponseOfTheWrongKindEndsTheSession) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "read_dp", "[0]") + Line(2, "flush"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  session->AnswerOk(1);
  EXPECT_THAT(*client.ReadLine(), StartsWith(Status(1, 2)));
  EXPECT_THAT(*client.ReadLine(), StartsWith(Status(2, 2)));
}

TEST(Connection, ErrorsKeepTheServersMessages) {
  PortFixture fixture(&Hold);
  TestClient client(fixture.port());
  client.Send(Line(1, "read_ap", "[0]") + Line(2, "read_mem", "[7, 0, 32]"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  session->AnswerError(0, v1::ERROR_KIND_TRANSFER_FAULT, "FAULT at 0x40000000");
  session->AnswerError(1, v1::ERROR_KIND_NOT_FOUND, "no handle 7");
  EXPECT_EQ(client.ReadLine(), Status(1, 12) + R"( "error": "FAULT at 0x40000000"})");
  EXPECT_EQ(client.ReadLine(), Status(2, 1) + R"( "error": "invalid handle received from remote memory access"})");
}

TEST(Connection, ALineThatIsTooLongIsAnsweredAndTheConnectionReset) {
  PortFixture fixture(&Hold, {.max_line_bytes = 1000});
  TestClient client(fixture.port());
  client.Send(Line(1, "open"));
  ASSERT_TRUE(fixture.upstream.WaitForSession(0)->WaitForRequests(1));
  client.Send(std::string(1001, 'x') + "\n");
  EXPECT_THAT(*client.ReadLine(), StartsWith(Status(1, 2)));
  EXPECT_THAT(*client.ReadLine(), AllOf(StartsWith(Status(-1, 1)), HasSubstr("1000 bytes")));
  EXPECT_EQ(client.ReadLine(), std::nullopt);
  EXPECT_TRUE(client.was_reset());
}

TEST(Connection, StoppingTellsClientsAndResetsThem) {
  PortFixture fixture(&Hold);
  TestClient idle(fixture.port());
  EXPECT_EQ(idle.Ask(R"({"id": 1, "request": "hello", "arguments": [1]})"), Ok(1));
  TestClient waiting(fixture.port());
  waiting.Send(Line(1, "open"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(1));
  fixture.probe_port().Stop("shutting down");
  EXPECT_EQ(waiting.ReadLine(), Status(1, 2) + R"( "error": "shutting down"})");
  EXPECT_EQ(waiting.ReadLine(), std::nullopt);
  EXPECT_TRUE(waiting.was_reset());
  EXPECT_EQ(idle.ReadLine(), std::nullopt);
  EXPECT_TRUE(idle.was_reset());
  EXPECT_TRUE(session->WaitForDrop());
}

TEST(Connection, AConnectionBeyondTheLimitGetsAnErrorAndAReset) {
  PortFixture fixture(&SucceedAtOnce, {}, 1);
  TestClient first(fixture.port());
  EXPECT_EQ(first.Ask(R"({"id": 1, "request": "open"})"), Ok(1));
  TestClient second(fixture.port());
  EXPECT_THAT(second.Ask(R"({"id": "x", "request": "hello", "arguments": [1]})"),
              AllOf(StartsWith(R"({"id": "x", "status": 2)"), HasSubstr("--max-connections")));
  EXPECT_EQ(second.ReadLine(), std::nullopt);
  EXPECT_TRUE(second.was_reset());
}

TEST(Connection, AConnectionBeyondTheLimitThatAsksNothingIsClosedInOrder) {
  PortFixture fixture(&SucceedAtOnce, {}, 0);
  TestClient client(fixture.port());
  client.ShutDownSending();
  EXPECT_EQ(client.ReadLine(), std::nullopt);
  EXPECT_FALSE(client.was_reset());
}

TEST(Connection, AConnectionBeyondTheLimitGetsItsErrorIfItsOnlyLineEndsWithAFin) {
  PortFixture fixture(&SucceedAtOnce, {}, 0);
  TestClient client(fixture.port());
  client.Send(R"({"id": 3, "request": "open"})");
  client.ShutDownSending();
  EXPECT_THAT(*client.ReadLine(), AllOf(StartsWith(Status(3, 2)), HasSubstr("--max-connections")));
  EXPECT_EQ(client.ReadLine(), std::nullopt);
}

TEST(Connection, ClientsDoNotShareSessions) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient one(fixture.port());
  TestClient two(fixture.port());
  EXPECT_EQ(one.Ask(R"({"id": 1, "request": "open"})"), Ok(1));
  EXPECT_EQ(two.Ask(R"({"id": 1, "request": "open"})"), Ok(1));
  EXPECT_EQ(fixture.upstream.session_count(), 2U);
  fixture.upstream.WaitForSession(0)->End("ended");
  EXPECT_THAT(one.Ask(R"({"id": 2, "request": "flush"})"), StartsWith(Status(2, 2)));
  EXPECT_EQ(two.Ask(R"({"id": 2, "request": "flush"})"), Ok(2));
}

TEST(Connection, TheLatestProbeDescriptionIsUsed) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient client(fixture.port());
  v1::ProbeDescription fresh;
  fresh.set_unique_id("PROBE1");
  fresh.set_vendor_name("Other");
  fixture.probe->Update(fresh, fixture.probe->upstream());
  EXPECT_EQ(client.Ask(R"({"id": 1, "request": "readprop", "arguments": ["vendor_name"]})"),
            R"({"id": 1, "status": 0, "result": "Other"})");
}

}  // namespace
}  // namespace probegate
