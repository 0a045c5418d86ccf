// Posted requests, which are answered before the server has carried them out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/client/connection.h"
#include "tests/gateway/port_fixture.h"

namespace probegate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A client that has opened and connected the probe. After that, the server only answers when the test tells it to.
class PostingClient {
 public:
  explicit PostingClient(ConnectionOptions options = {}) : fixture(&Hold, options), client(fixture.port()) {
    client.Send(Line(1, "open"));
    session = fixture.upstream.WaitForSession(0);
    EXPECT_TRUE(session->WaitForRequests(1));
    session->AnswerOk(0);
    EXPECT_EQ(client.ReadLine(), Ok(1));
    Connect(2);
  }

  std::string Ask(const std::string& line) {
    client.Send(line);
    return client.ReadLine().value_or("");
  }

  // Posted requests need not be waited for.
  ~PostingClient() { session->End("the test is over"); }
  PostingClient(const PostingClient&) = delete;
  PostingClient& operator=(const PostingClient&) = delete;

  void Connect(int id) {
    const size_t index = session->request_count();
    client.Send(Line(id, "connect", R"(["SWD"])"));
    EXPECT_TRUE(session->WaitForRequests(index + 1));
    session->AnswerOk(index);
    EXPECT_EQ(client.ReadLine(), Ok(id));
  }

  PortFixture fixture;
  TestClient client;
  std::shared_ptr<FakeSession> session;
};

TEST(ConnectionPosting, WritesAndLocksAreAnsweredAtOnceAndSentInOrder) {
  PostingClient c;
  EXPECT_EQ(c.Ask(Line(3, "lock")), Ok(3));
  EXPECT_EQ(c.Ask(Line(4, "write_dp", "[8, 0]")), Ok(4));
  EXPECT_EQ(c.Ask(Line(5, "write_ap", "[4, 536870912]")), Ok(5));
  EXPECT_EQ(c.Ask(Line(6, "write_ap_multiple", "[12, [1, 2]]")), Ok(6));
  EXPECT_EQ(c.Ask(Line(7, "unlock")), Ok(7));
  c.client.Send(Line(8, "flush"));
  ASSERT_TRUE(c.session->WaitForRequests(8));
  for (size_t i = 2; i < 7; ++i) EXPECT_TRUE(c.session->was_posted(i)) << i;
  EXPECT_TRUE(c.session->request(2).has_lock());
  EXPECT_TRUE(c.session->request(4).has_write_ap());
  EXPECT_TRUE(c.session->request(6).has_unlock());
  EXPECT_FALSE(c.session->was_posted(7));
  c.session->AnswerOk(7);
  EXPECT_EQ(c.client.ReadLine(), Ok(8));
}

TEST(ConnectionPosting, PostedRequestsAreSentInOneMessageWithTheNextThatWaits) {
  PostingClient c;
  const size_t before = c.session->message_count();
  c.client.Send(Line(3, "lock") + Line(4, "write_ap", "[4, 0]") + Line(5, "read_ap", "[12]"));
  ASSERT_TRUE(c.session->WaitForRequests(5));
  EXPECT_EQ(c.session->message_count(), before + 1);
  EXPECT_TRUE(c.session->was_posted(3));
  EXPECT_FALSE(c.session->was_posted(4));
  c.session->AnswerOk(4);
  for (int id = 3; id <= 5; ++id) EXPECT_THAT(*c.client.ReadLine(), HasSubstr(R"("status": 0)"));
}

TEST(ConnectionPosting, PostedRequestsAreSentEvenIfNothingFollows) {
  PostingClient c;
  EXPECT_EQ(c.Ask(Line(3, "write_ap", "[4, 0]")), Ok(3));
  EXPECT_TRUE(c.session->WaitForRequests(3));
}

TEST(ConnectionPosting, AnUnlockDoesNotWaitForRequestsAfterIt) {
  PostingClient c;
  c.client.Send(Line(3, "lock") + Line(4, "read_ap", "[12]"));
  ASSERT_TRUE(c.session->WaitForRequests(4));
  c.session->AnswerOk(3);
  for (int id = 3; id <= 4; ++id) EXPECT_THAT(*c.client.ReadLine(), HasSubstr(R"("status": 0)"));
  const size_t before = c.session->message_count();
  c.client.Send(Line(5, "unlock") + Line(6, "lock") + Line(7, "write_ap", "[4, 0]"));
  ASSERT_TRUE(c.session->WaitForRequests(7));
  EXPECT_EQ(c.session->message_count(), before + 2);
  EXPECT_TRUE(c.session->request(4).has_unlock());
}

TEST(ConnectionPosting, AFailureIsReportedByTheNextAnswer) {
  PostingClient c;
  EXPECT_EQ(c.Ask(Line(3, "write_ap", "[12, 0]")), Ok(3));
  c.client.Send(Line(4, "read_ap", "[12]"));
  ASSERT_TRUE(c.session->WaitForRequests(4));
  c.session->AnswerError(3, v1::ERROR_KIND_TRANSFER_FAULT, "an earlier command failed");
  EXPECT_EQ(c.client.ReadLine(), R"({"id": 4, "status": 12, "error": "an earlier command failed"})");
}

TEST(ConnectionPosting, APostedRequestIsAnsweredAfterEarlierRequestsThatWait) {
  PostingClient c;
  c.client.Send(Line(3, "read_ap", "[12]") + Line(4, "write_ap", "[12, 0]"));
  ASSERT_TRUE(c.session->WaitForRequests(4));
  EXPECT_TRUE(c.session->was_posted(3));
  c.session->AnswerError(2, v1::ERROR_KIND_TRANSFER_FAULT, "no");
  EXPECT_THAT(*c.client.ReadLine(), StartsWith(R"({"id": 3, "status": 12)"));
  EXPECT_EQ(c.client.ReadLine(), Ok(4));
}

TEST(ConnectionPosting, RequestsThatTheServerWouldRefuseAreNotPosted) {
  PostingClient c;
  const std::vector<std::string> lines = {
      Line(3, "unlock"),                       // without a lock
      Line(4, "write_dp", "[4, 0]"),           // power
      Line(5, "write_dp", "[12, 0]"),          // TARGETSEL
      Line(6, "write_dp", "[3, 0]"),           // not a register
      Line(7, "write_ap", "[3, 0]"),           // nor this
      Line(8, "write_ap", "[4294967296, 0]"),  // nor this
  };
  for (size_t i = 0; i < lines.size(); ++i) {
    c.client.Send(lines[i]);
    ASSERT_TRUE(c.session->WaitForRequests(3 + i));
    EXPECT_FALSE(c.session->was_posted(2 + i)) << lines[i];
    c.session->AnswerError(2 + i, v1::ERROR_KIND_INVALID_ARGUMENT, "no");
    EXPECT_THAT(*c.client.ReadLine(), HasSubstr(R"("status": 1, )"));
  }
}

TEST(ConnectionPosting, NothingIsPostedToAProbeThatIsNotConnected) {
  PostingClient c;
  c.client.Send(Line(3, "disconnect") + Line(4, "write_ap", "[4, 0]"));
  ASSERT_TRUE(c.session->WaitForRequests(4));
  EXPECT_FALSE(c.session->was_posted(3));
  c.session->AnswerOk(2);
  c.session->AnswerOk(3);
  EXPECT_EQ(c.client.ReadLine(), Ok(3));
  EXPECT_EQ(c.client.ReadLine(), Ok(4));
  EXPECT_EQ(c.Ask(Line(5, "lock")), Ok(5));
  ASSERT_TRUE(c.session->WaitForRequests(5));
  c.Connect(6);
  EXPECT_EQ(c.Ask(Line(7, "write_ap", "[4, 0]")), Ok(7));
}

TEST(ConnectionPosting, PostedRequestsAreBounded) {
  PostingClient c;
  constexpr size_t kHalf = Posting::kMaxRequests / 2;
  constexpr int kMore = 3;
  std::string lines;
  for (int i = 0; i < static_cast<int>(2 * kHalf) + kMore; ++i) lines += Line(3 + i, "write_ap", "[4, 0]");
  c.client.Send(lines);
  int id = 3;
  for (size_t i = 0; i < 2 * kHalf; ++i) EXPECT_EQ(c.client.ReadLine(), Ok(id++));
  // The gateway sends a request of its own, to learn how far the server has come.
  const size_t first_ask = 2 + kHalf;
  const size_t second_ask = first_ask + 1 + kHalf;
  ASSERT_TRUE(c.session->WaitForRequests(second_ask + 1));
  EXPECT_TRUE(c.session->request(first_ask).has_get_state());
  EXPECT_FALSE(c.session->was_posted(first_ask));
  EXPECT_TRUE(c.session->request(second_ask).has_get_state());
  EXPECT_EQ(c.session->request_count(), second_ask + 1);
  c.session->AnswerOk(first_ask);
  for (int i = 0; i < kMore; ++i) EXPECT_EQ(c.client.ReadLine(), Ok(id++));
}

// The gateway's own requests have no place in the order of the client's replies.
TEST(ConnectionPosting, NoReplyWaitsForTheGatewaysOwnRequest) {
  PostingClient c;
  constexpr size_t kHalf = Posting::kMaxRequests / 2;
  constexpr int kWrites = static_cast<int>(kHalf) + 1;
  std::string lines = Line(3, "read_ap", "[12]");
  for (int i = 0; i < kWrites; ++i) lines += Line(4 + i, "write_ap", "[4, 0]");
  c.client.Send(lines);
  const size_t ask = 3 + kHalf;
  ASSERT_TRUE(c.session->WaitForRequests(ask + 2));
  EXPECT_TRUE(c.session->request(ask).has_get_state());
  c.session->AnswerOk(2);
  EXPECT_THAT(*c.client.ReadLine(), HasSubstr(R"("status": 0)"));
  for (int i = 0; i < kWrites; ++i) EXPECT_EQ(c.client.ReadLine(), Ok(4 + i));
}

TEST(ConnectionPosting, ABlockMayExceedTheBound) {
  PostingClient c;
  std::string words = "1";
  while (words.size() <= Posting::kMaxBytes) words += ",1000000000";
  EXPECT_EQ(c.Ask(Line(3, "write_ap_multiple", "[12, [" + words + "]]")), Ok(3));
  c.client.Send(Line(4, "write_ap", "[4, 0]"));
  ASSERT_TRUE(c.session->WaitForRequests(4));
  EXPECT_TRUE(c.session->was_posted(2));
  EXPECT_TRUE(c.session->request(3).has_get_state());
  c.session->AnswerOk(3);
  EXPECT_EQ(c.client.ReadLine(), Ok(4));
}

TEST(ConnectionPosting, PostedRequestsFailWithALostSessionUnlessAlreadyAnswered) {
  PostingClient c;
  c.client.Send(Line(3, "read_ap", "[12]") + Line(4, "write_ap", "[4, 0]") + Line(5, "hello", "[1]"));
  ASSERT_TRUE(c.session->WaitForRequests(4));
  c.session->End("gone");
  EXPECT_THAT(*c.client.ReadLine(), StartsWith(R"({"id": 3, "status": 2)"));
  EXPECT_THAT(*c.client.ReadLine(), StartsWith(R"({"id": 4, "status": 2)"));
  EXPECT_EQ(c.client.ReadLine(), Ok(5));
}

TEST(ConnectionPosting, AClientThatHasFinishedIsHeldUntilItsWritesAreDone) {
  PostingClient c;
  EXPECT_EQ(c.Ask(Line(3, "write_ap", "[4, 0]")), Ok(3));
  c.client.ShutDownSending();
  ASSERT_TRUE(c.session->WaitForRequests(4));
  EXPECT_TRUE(c.session->request(3).has_flush());
  c.session->AnswerError(3, v1::ERROR_KIND_TRANSFER_FAULT, "too late");
  EXPECT_EQ(c.client.ReadLine(), std::nullopt);
  EXPECT_FALSE(c.client.was_reset());
  EXPECT_TRUE(c.session->WaitForDrop());
}

TEST(ConnectionPosting, AStopWaitsForPostedWrites) {
  PostingClient c;
  c.client.Send(Line(3, "read_ap", "[12]"));
  ASSERT_TRUE(c.session->WaitForRequests(3));
  c.client.Send(Line(4, "write_ap", "[4, 0]"));
  ASSERT_TRUE(c.session->WaitForRequests(4));
  c.fixture.probe_port().Stop("shutting down");
  EXPECT_THAT(*c.client.ReadLine(), StartsWith(R"({"id": 3, "status": 2)"));
  EXPECT_EQ(c.client.ReadLine(), Ok(4));
  ASSERT_TRUE(c.session->WaitForRequests(5));
  EXPECT_TRUE(c.session->request(4).has_flush());
  c.session->AnswerOk(2);
  c.session->AnswerOk(4);
  EXPECT_TRUE(c.session->WaitForDrop());
  EXPECT_EQ(c.client.ReadLine(), std::nullopt);
  EXPECT_TRUE(c.client.was_reset());
}

TEST(ConnectionPosting, NothingIsPostedToALostSession) {
  PostingClient c;
  EXPECT_EQ(c.Ask(Line(3, "lock")), Ok(3));
  c.session->End("gone");
  EXPECT_THAT(c.Ask(Line(4, "flush")), StartsWith(R"({"id": 4, "status": 2)"));
  EXPECT_THAT(c.Ask(Line(5, "unlock")), StartsWith(R"({"id": 5, "status": 2)"));
  EXPECT_THAT(c.Ask(Line(6, "write_ap", "[4, 0]")), StartsWith(R"({"id": 6, "status": 2)"));
}

TEST(ConnectionPosting, PostingCanBeTurnedOff) {
  PostingClient c({.post = false});
  c.client.Send(Line(3, "lock") + Line(4, "write_ap", "[4, 0]"));
  ASSERT_TRUE(c.session->WaitForRequests(4));
  EXPECT_FALSE(c.session->was_posted(2));
  EXPECT_FALSE(c.session->was_posted(3));
}

}  // namespace
}  // namespace probegate
