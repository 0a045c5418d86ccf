#include "gateway/client/reply_queue.h"

#include <gtest/gtest.h>

#include "gateway/json/json_writer.h"
#include "tests/telemetry/exposed.h"

namespace probegate {
namespace {

class ReplyQueueTest : public ::testing::Test {
 protected:
  RequestRecord Begin(std::string_view command) {
    for (const Command& row : Commands()) {
      if (row.name == command) return record_.Begin(&row, {});
    }
    ADD_FAILURE() << "unknown command " << command;
    return record_.Begin(nullptr, {});
  }

  // Adds a request that waits for a response. Its ID upstream is the same.
  void Await(int id, std::string_view command = "flush", ResultWriter write_result = nullptr) {
    queue_.Await({.id = std::to_string(id),
                  .line_bytes = 30,
                  .request_id = static_cast<uint64_t>(id),
                  .write_result = write_result,
                  .record = Begin(command)});
  }
  void AnswerOk(int id, std::string_view result = {}) { queue_.AnswerOk(std::to_string(id), Begin("hello"), result); }
  void AnswerPosted(int id) { queue_.AnswerOk(std::to_string(id), Begin("write_ap"), {}, static_cast<uint64_t>(id)); }
  void AnswerError(int id, std::string_view message) {
    queue_.AnswerError(std::to_string(id), Begin("hello"), ReplyStatus::kGeneralError, message);
  }
  // The server responds to the oldest request.
  void Respond() {
    v1::StreamResponse response;
    queue_.AnswerNext(response);
  }
  void RespondWithError(v1::ErrorKind kind, const std::string& message) {
    v1::StreamResponse response;
    response.mutable_error()->set_kind(kind);
    response.mutable_error()->set_message(message);
    queue_.AnswerNext(response);
  }

  // The replies that have moved to the output since the last call.
  std::string Output() { return std::exchange(out_, {}); }
  // How many requests ended with this status.
  double Count(const std::string& command, const std::string& status) {
    return Exposed(set_, "probegate_gateway_requests_total{request=\"" + command + "\",status=\"" + status + "\"}")
        .value_or(-1);
  }

  static std::string Reply(int id, std::string_view rest = "") {
    return R"({"id": )" + std::to_string(id) + R"(, "status": 0)" + std::string(rest) + "}\n";
  }
  static std::string ErrorReply(int id, int status, const std::string& message) {
    return R"({"id": )" + std::to_string(id) + R"(, "status": )" + std::to_string(status) + R"(, "error": ")" +
           message + "\"}\n";
  }

  static constexpr size_t kMaxRequests = 4;
  static constexpr size_t kMaxLineBytes = 100;

  MetricSet set_;
  GatewayMetrics metrics_{set_};
  Log log_{LogFormat::kText, LogLevel::kError};
  ClientRecord record_{"PROBE1", "10.0.0.7:1234", metrics_, log_};
  std::string out_;
  ReplyQueue queue_{{.requests = kMaxRequests, .bytes = kMaxLineBytes}, out_, record_};
};

TEST_F(ReplyQueueTest, AnswersAtOnceIfNoEarlierRequestWaits) {
  AnswerOk(1);
  EXPECT_EQ(Output(), Reply(1));
  AnswerOk(2, "[7]");
  EXPECT_EQ(Output(), Reply(2, R"(, "result": [7])"));
  AnswerError(3, "no");
  EXPECT_EQ(Output(), ErrorReply(3, 1, "no"));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(Count("hello", "ok"), 2);
  EXPECT_EQ(Count("hello", "general_error"), 1);
}

TEST_F(ReplyQueueTest, ReadyRepliesWaitForTheirTurn) {
  Await(1);
  AnswerOk(2);
  AnswerError(3, "no");
  Await(4);
  EXPECT_EQ(Output(), "");
  EXPECT_EQ(Count("hello", "ok"), 0);
  Respond();
  EXPECT_EQ(Output(), Reply(1) + Reply(2) + ErrorReply(3, 1, "no"));
  EXPECT_EQ(Count("hello", "ok"), 1);
  EXPECT_FALSE(queue_.empty());
  Respond();
  EXPECT_EQ(Output(), Reply(4));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(Count("flush", "ok"), 2);
}

TEST_F(ReplyQueueTest, ResultsAreWrittenFromTheResponse) {
  Await(1, "read_dp", [](const v1::StreamResponse& response, std::string& out) {
    out += std::to_string(response.read_dp().value());
    return true;
  });
  Await(2, "read_dp", [](const v1::StreamResponse&, std::string&) { return false; });
  v1::StreamResponse response;
  response.mutable_read_dp()->set_value(7);
  queue_.AnswerNext(response);
  queue_.AnswerNext(response);
  EXPECT_EQ(Output(), Reply(1, R"(, "result": 7)") + Reply(2));
}

TEST_F(ReplyQueueTest, ErrorsKeepTheServersMessagesUnlessTheCommandHasItsOwn) {
  Await(1, "read_ap");
  Await(2, "read_ap");
  Await(3, "read_mem");
  Await(4, "read_mem");
  RespondWithError(v1::ERROR_KIND_TRANSFER_FAULT, "FAULT");
  RespondWithError(v1::ERROR_KIND_NOT_FOUND, "no such AP");
  RespondWithError(v1::ERROR_KIND_NOT_FOUND, "no such handle");
  RespondWithError(v1::ERROR_KIND_TRANSFER_FAULT, "FAULT");
  EXPECT_EQ(Output(), ErrorReply(1, 12, "FAULT") + ErrorReply(2, 1, "no such AP") +
                          ErrorReply(3, 1, "invalid handle received from remote memory access") +
                          ErrorReply(4, 12, "FAULT"));
  EXPECT_EQ(Count("read_ap", "transfer_fault"), 1);
  EXPECT_EQ(Count("read_mem", "general_error"), 1);
}

TEST_F(ReplyQueueTest, BoundsTheRequestsThatWait) {
  Await(1);
  for (int id = 2; id <= static_cast<int>(kMaxRequests); ++id) {
    EXPECT_TRUE(queue_.has_room()) << id;
    AnswerOk(id);
  }
  EXPECT_FALSE(queue_.has_room());
  Respond();
  EXPECT_TRUE(queue_.has_room());
}

TEST_F(ReplyQueueTest, BoundsTheBytesOfLinesThatWaitForAResponse) {
  queue_.Await({.id = "1", .line_bytes = kMaxLineBytes - 50, .request_id = 1, .record = Begin("flush")});
  AnswerOk(2);
  EXPECT_TRUE(queue_.has_room());
  queue_.Await({.id = "3", .line_bytes = 10 * kMaxLineBytes, .request_id = 3, .record = Begin("flush")});
  EXPECT_FALSE(queue_.has_room());
  Respond();
  EXPECT_FALSE(queue_.has_room());
  Respond();
  EXPECT_TRUE(queue_.has_room());
}

TEST_F(ReplyQueueTest, FailsWaitingRequests) {
  Await(1);
  AnswerOk(2);
  AnswerPosted(3);
  Await(4);
  queue_.Fail("stopping", ReplyQueue::Posted::kSucceeded);
  EXPECT_EQ(Output(), ErrorReply(1, 2, "stopping") + Reply(2) + Reply(3) + ErrorReply(4, 2, "stopping"));
  EXPECT_TRUE(queue_.empty());
  EXPECT_TRUE(queue_.has_room());
  EXPECT_EQ(Count("flush", "probe_disconnected"), 2);
  EXPECT_EQ(Count("hello", "ok"), 1);
  EXPECT_EQ(Count("write_ap", "ok"), 1);
}

TEST_F(ReplyQueueTest, FailsPostedRequestsWhoseRepliesWereNotSent) {
  AnswerPosted(1);
  Await(2);
  AnswerPosted(3);
  AnswerOk(4);
  queue_.Fail("lost", ReplyQueue::Posted::kFailed);
  EXPECT_EQ(Output(), Reply(1) + ErrorReply(2, 2, "lost") + ErrorReply(3, 2, "lost") + Reply(4));
  EXPECT_EQ(Count("write_ap", "ok"), 1);
  EXPECT_EQ(Count("write_ap", "probe_disconnected"), 1);
}

TEST_F(ReplyQueueTest, FailedRequestsMakeRoomForOthers) {
  queue_.Await({.id = "1", .line_bytes = kMaxLineBytes, .request_id = 1, .record = Begin("flush")});
  EXPECT_FALSE(queue_.has_room());
  queue_.Fail("lost", ReplyQueue::Posted::kFailed);
  EXPECT_TRUE(queue_.has_room());
}

TEST_F(ReplyQueueTest, AbandonsWithoutAnswering) {
  Await(1);
  AnswerOk(2);
  AnswerPosted(3);
  queue_.Abandon();
  EXPECT_EQ(Output(), "");
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(Count("flush", "unanswered"), 1);
  EXPECT_EQ(Count("hello", "unanswered"), 1);
  EXPECT_EQ(Count("write_ap", "unanswered"), 1);
}

// An ID is returned unchanged, whether or not the queue had to keep it.
TEST_F(ReplyQueueTest, IdsMayBeAnyJson) {
  {
    const std::string id = R"({"client's": [1, "own"]})";
    queue_.AnswerOk(id, Begin("hello"), {});
    queue_.Await({.id = id, .line_bytes = 30, .request_id = 1, .record = Begin("flush")});
    queue_.AnswerOk(id, Begin("hello"), {});
  }
  Respond();
  const std::string reply = R"({"id": {"client's": [1, "own"]}, "status": 0})"
                            "\n";
  EXPECT_EQ(Output(), reply + reply + reply);
}

bool WriteWords(const v1::StreamResponse& response, std::string& out) {
  AppendWords(out, response.read_ap_multiple().values());
  return true;
}

v1::StreamResponse LongResponse() {
  v1::StreamResponse response;
  for (uint32_t i = 0; i < 2 * LongResult::kPart; ++i) response.mutable_read_ap_multiple()->add_values(i);
  return response;
}

TEST_F(ReplyQueueTest, ALongResultIsWrittenInParts) {
  Await(1, "read_ap_multiple", &WriteWords);
  AnswerOk(2);
  v1::StreamResponse response = LongResponse();
  std::string text;
  WriteWords(response, text);
  queue_.AnswerNext(response);
  EXPECT_TRUE(queue_.writes_result());
  queue_.WritePart();
  EXPECT_TRUE(queue_.writes_result());
  const std::string first = Output();
  EXPECT_LT(first.size(), text.size());
  queue_.WritePart();
  EXPECT_FALSE(queue_.writes_result());
  EXPECT_EQ(first + Output(), Reply(1, ", \"result\": " + text) + Reply(2));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(Count("read_ap_multiple", "ok"), 1);
}

TEST_F(ReplyQueueTest, RepliesToALostSessionFollowALongResult) {
  Await(1, "read_ap_multiple", &WriteWords);
  Await(2);
  v1::StreamResponse response = LongResponse();
  queue_.AnswerNext(response);
  queue_.WritePart();
  queue_.Fail("gone", ReplyQueue::Posted::kFailed);
  queue_.WritePart();
  const std::string output = Output();
  EXPECT_TRUE(output.ends_with(std::to_string(2 * LongResult::kPart - 1) + "]}\n" + ErrorReply(2, 2, "gone")))
      << output.size();
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.held_bytes(), 0U);
}

TEST_F(ReplyQueueTest, RepliesThatWaitCountAsMuchAsTheyHold) {
  Await(1);
  EXPECT_TRUE(queue_.has_room());
  queue_.AnswerOk('"' + std::string(kMaxLineBytes, 'x') + '"', Begin("hello"), {});
  EXPECT_FALSE(queue_.has_room());
  EXPECT_GT(queue_.held_bytes(), kMaxLineBytes);
  Respond();
  EXPECT_TRUE(queue_.has_room());
  EXPECT_EQ(queue_.held_bytes(), 0U);
}

}  // namespace
}  // namespace probegate
