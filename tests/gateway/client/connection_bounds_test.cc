// What a client cannot do to the gateway and to other clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/base/bounded_wait.h"
#include "tests/gateway/port_fixture.h"
#include "tests/telemetry/exposed.h"

namespace probegate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kMiB = uint64_t{1} << 20;

double Ended(PortFixture& fixture, const std::string& reason) {
  return Exposed(fixture.Metrics(), "probegate_gateway_clients_ended_total{reason=\"" + reason + "\"}").value_or(-1);
}

void ExpectReset(TestClient& client) {
  EXPECT_EQ(client.ReadLine(), std::nullopt);
  EXPECT_TRUE(client.was_reset());
}

// A line whose ID has this many characters.
std::string LongLine(size_t size, const std::string& request = "hello", const std::string& arguments = "[1]") {
  return R"({"request": ")" + request + R"(", "arguments": )" + arguments + R"(, "id": ")" + std::string(size, 'x') +
         "\"}\n";
}

class FirstLine : public ::testing::TestWithParam<std::pair<const char*, std::string>> {};

TEST_P(FirstLine, OfAnythingElseIsResetAndNothingOfItIsCarriedOut) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient client(fixture.port());
  client.Send(GetParam().second + "\n" + Line(1, "open") + Line(2, "flush"));
  ExpectReset(client);
  EXPECT_EQ(fixture.upstream.session_count(), 0U);
  EXPECT_EQ(Ended(fixture, GetParam().first), 1);
  TestClient next(fixture.port());
  EXPECT_EQ(next.Ask(R"({"id": 1, "request": "open"})"), Ok(1));
}

INSTANTIATE_TEST_SUITE_P(Connection, FirstLine,
                         ::testing::ValuesIn(std::vector<std::pair<const char*, std::string>>{
                             {"http", "POST / HTTP/1.1\r\nHost: localhost:5555\r\n\r"},
                             {"http", "GET /"},
                             {"http", "PRI * HTTP/2.0\r"},
                             {"tls", std::string("\x16\x03\x01\x02\x00\x01", 6)},
                             {"not_json", ""},
                             {"not_json", "hello"},
                             {"not_json", "[]"},
                             {"not_json", "POSTAL"},
                             {"not_json", "{"},
                             {"not_json", "{} {}"},
                             {"not_json", std::string("\0\1\xFF", 3)},
                         }));

TEST(ConnectionBounds, ALineThatIsNoObjectIsOnlyAnErrorLater) {
  PortFixture fixture(&SucceedAtOnce);
  TestClient client(fixture.port());
  EXPECT_EQ(client.Ask(R"({"id": 1, "request": "open"})"), Ok(1));
  EXPECT_THAT(client.Ask("POST / HTTP/1.1"), StartsWith(R"({"id": -1, "status": 1)"));
  EXPECT_EQ(client.Ask(R"({"id": 2, "request": "flush"})"), Ok(2));
}

TEST(ConnectionBounds, AClientThatSaysNothingIsReset) {
  PortFixture fixture(&SucceedAtOnce, {.first_line_time = std::chrono::milliseconds(20)});
  TestClient client(fixture.port());
  ExpectReset(client);
  EXPECT_EQ(Ended(fixture, "silent"), 1);
}

TEST(ConnectionBounds, AFirstLineThatDripsIsResetInTime) {
  PortFixture fixture(&SucceedAtOnce, {.first_line_time = std::chrono::milliseconds(20)});
  TestClient client(fixture.port());
  // However often more of it arrives.
  while (client.Send("{")) {
  }
  EXPECT_EQ(Ended(fixture, "silent"), 1);
}

TEST(ConnectionBounds, AServedClientMayBeSilent) {
  PortFixture fixture(&SucceedAtOnce, {.first_line_time = std::chrono::milliseconds(20)});
  TestClient served(fixture.port());
  EXPECT_EQ(served.Ask(R"({"id": 1, "request": "open"})"), Ok(1));
  TestClient silent(fixture.port());
  ExpectReset(silent);  // so the time is over for the first one, too
  EXPECT_EQ(served.Ask(R"({"id": 2, "request": "flush"})"), Ok(2));
}

TEST(ConnectionBounds, ALineThatIsNotFinishedEndsTheConnection) {
  PortFixture fixture(&Hold, {.line_time = std::chrono::milliseconds(20)});
  TestClient client(fixture.port());
  client.Send(Line(1, "open") + R"({"id": 2, )");
  EXPECT_THAT(*client.ReadLine(), HasSubstr("a request line was not finished in time"));
  ExpectReset(client);
  EXPECT_EQ(Ended(fixture, "slow_line"), 1);
}

// Replies of 6 MB, which do not fit into the socket's buffers.
constexpr int kManyReads = 8;
constexpr uint32_t kManyWords = 65536;

void AskForMuch(TestClient& client) {
  std::string lines = Line(0, "open");
  for (int id = 1; id <= kManyReads * 4; ++id) {
    lines += Line(id, "read_ap_multiple", "[12, " + std::to_string(kManyWords) + "]");
  }
  client.Send(lines);
}

void AnswerMuch(FakeSession& session, const v1::StreamRequest& request) {
  v1::StreamResponse response = EmptyResponse(request);
  if (request.has_read_ap_multiple()) {
    response.mutable_read_ap_multiple()->mutable_values()->Resize(kManyWords, 0xFFFFFFFF);
  }
  session.Respond(response);
}

TEST(ConnectionBounds, AClientThatNeverReadsIsEnded) {
  PortFixture fixture(&AnswerMuch, {.unread_time = std::chrono::milliseconds(50)});
  TestClient client(fixture.port());
  AskForMuch(client);
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForDrop());
  EXPECT_EQ(Ended(fixture, "unread"), 1);
}

TEST(ConnectionBounds, AClientThatReadsSlowlyGetsEverything) {
  PortFixture fixture(&AnswerMuch);
  TestClient client(fixture.port());
  AskForMuch(client);
  EXPECT_EQ(client.ReadLine(), Ok(0));
  for (int id = 1; id <= kManyReads * 4; ++id) {
    const auto line = client.ReadLine();
    ASSERT_TRUE(line.has_value());
    EXPECT_THAT(line->substr(0, 40), StartsWith(R"({"id": )" + std::to_string(id) + R"(, "status": 0, "result": [4)"));
  }
  EXPECT_EQ(client.Ask(R"({"id": 1, "request": "flush"})"), Ok(1));
}

// The share of a client that may have one long line at a time.
constexpr uint64_t kShare = 20 * kMiB;
constexpr size_t kLongLine = size_t{1} << 20;

ConnectionOptions LongLines() { return {.max_line_bytes = 2 * kLongLine}; }

TEST(ConnectionBounds, LinesBehindOneThatWaitsTakeNoMoreMemory) {
  PortFixture fixture(&Hold, LongLines(), 10, LogLevel::kError, kShare);
  TestClient client(fixture.port());
  client.Send(Line(1, "open"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(1));
  std::jthread sender([&client] {
    for (int i = 0; i < 24; ++i) client.Send(LongLine(kLongLine));
  });
  AwaitTrue([&] { return fixture.memory_in_use() > kLongLine; }, "the long line arrives");
  EXPECT_LE(fixture.memory_in_use(), kShare);
  session->AnswerOk(0);
  EXPECT_EQ(client.ReadLine(), Ok(1));
  for (int i = 0; i < 24; ++i) {
    const auto line = client.ReadLine();
    ASSERT_TRUE(line.has_value());
    EXPECT_GT(line->size(), kLongLine);
    EXPECT_LE(fixture.memory_in_use(), kShare);
  }
}

TEST(ConnectionBounds, ManyConnectionsWithLongLinesAreServedOneAfterTheOther) {
  PortFixture fixture(&SucceedAtOnce, LongLines(), 20, LogLevel::kError, kShare);
  std::atomic<int> replies = 0;
  {
    std::vector<std::unique_ptr<TestClient>> clients;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      TestClient* const client = clients.emplace_back(std::make_unique<TestClient>(fixture.port())).get();
      threads.emplace_back([client] {
        for (int line = 0; line < 4; ++line) client->Send(LongLine(kLongLine));
      });
      // All clients read at the same time: a reply that is not read keeps the memory that the next line needs.
      threads.emplace_back([client, &replies] {
        for (int line = 0; line < 4; ++line) replies += client->ReadLine().has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(replies, 16 * 4);
  AwaitTrue([&] { return fixture.memory_in_use() == 0; }, "all memory is given back");
}

TEST(ConnectionBounds, AnUnfinishedLongLineDoesNotStopOtherConnectionsOfTheClient) {
  PortFixture fixture(&SucceedAtOnce, LongLines(), 20, LogLevel::kError, kShare);
  TestClient unfinished(fixture.port());
  TestClient other(fixture.port());
  std::string line = LongLine(kLongLine);
  line.pop_back();
  unfinished.Send(line);
  AwaitTrue([&] { return fixture.memory_in_use() > kLongLine; }, "the long line arrives");
  EXPECT_EQ(other.Ask(R"({"id": 1, "request": "open"})"), Ok(1));
  EXPECT_EQ(other.Ask(R"({"id": 2, "request": "flush"})"), Ok(2));
}

TEST(ConnectionBounds, ARequestThatNeedsMoreThanTheShareIsRefused) {
  PortFixture fixture(&SucceedAtOnce, LongLines(), 20, LogLevel::kError, kShare);
  TestClient client(fixture.port());
  EXPECT_THAT(client.Ask(R"({"id": 1, "request": "read_ap_multiple", "arguments": [12, 4000000]})"),
              AllOf(StartsWith(R"({"id": 1, "status": 1)"), HasSubstr("--max-memory-in-flight")));
  EXPECT_EQ(client.Ask(R"({"id": 2, "request": "flush"})"), Ok(2));
}

TEST(ConnectionBounds, LargeReadsWaitForEachOther) {
  PortFixture fixture(&Hold, LongLines(), 20, LogLevel::kError, kShare);
  TestClient client(fixture.port());
  client.Send(Line(0, "open") + Line(1, "read_ap_multiple", "[12, 2000000]") +
              Line(2, "read_ap_multiple", "[12, 2000000]"));
  const auto session = fixture.upstream.WaitForSession(0);
  ASSERT_TRUE(session->WaitForRequests(2));
  EXPECT_EQ(session->request_count(), 2U);
  EXPECT_LE(fixture.memory_in_use(), kShare);
  session->AnswerOk(0);
  session->AnswerOk(1);
  ASSERT_TRUE(session->WaitForRequests(3));
  session->AnswerOk(2);
  for (int id = 0; id < 3; ++id) ASSERT_TRUE(client.ReadLine().has_value());
}

}  // namespace
}  // namespace probegate
