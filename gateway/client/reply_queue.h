// A client's requests that wait for their turn to be answered, in the order of their lines.
//
// A request either waits for the server's response or is ready: it was answered without asking the server, or posted
// (gateway/client/posting.h), and its reply only waits for the replies before it. Replies move to the output as soon as
// nothing before them waits, so the oldest request in the queue always waits for a response, or for the parts of a long
// result (gateway/protocol/long_result.h) to be written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/client/client_record.h"
#include "gateway/protocol/command_table.h"
#include "gateway/protocol/json_codec.h"
#include "gateway/protocol/long_result.h"

namespace probegate {

// Threads: one at a time. Never blocks.
class ReplyQueue {
 public:
  struct Bounds {
    size_t requests;  // in the queue
    size_t bytes;     // of the lines that wait for a response, and of the replies in the queue; one more may exceed it
  };

  // Replies are appended to `out`, and each request's outcome goes to `record`; both must outlive the queue.
  ReplyQueue(const Bounds& bounds, std::string& out, ClientRecord& record)
      : bounds_(bounds), out_(out), record_(record) {}

  // Whether another request may be taken. The caller must not add one while there is no room.
  bool has_room() const { return entries_.size() < bounds_.requests && bytes_ < bounds_.bytes; }
  // The memory that the requests take (gateway/client/request_cost.h).
  uint64_t held_bytes() const { return cost_; }
  bool empty() const { return entries_.empty(); }

  struct Waiting {
    std::string_view id;      // as JSON
    size_t line_bytes = 0;    // of the request, held until it is answered
    uint64_t cost = 0;        // RequestCost
    uint64_t request_id = 0;  // upstream
    ResultWriter write_result = nullptr;
    RequestRecord record;  // of a request with a command
  };
  // Adds a request that was sent to the server: a later AnswerNext answers it.
  void Await(Waiting request);

  // Answers a request that does not wait for a response: with `result` as JSON, or without a result if that is empty;
  // or with an error. `request_id` is a posted request's ID upstream, or 0.
  void AnswerOk(std::string_view id, RequestRecord&& record, std::string_view result, uint64_t request_id = 0);
  void AnswerError(std::string_view id, RequestRecord&& record, ReplyStatus status, std::string_view message);

  // Answers the oldest request, which must exist, with the server's response. If the result is long, takes the
  // response, and writes_result is true until the last part has been written.
  void AnswerNext(v1::StreamResponse& response);
  bool writes_result() const { return result_.has_value(); }
  void WritePart();

  enum class Posted : uint8_t {
    kSucceeded,  // posted requests keep their replies
    kFailed,     // posted requests fail, too, unless their replies have already moved to the output
  };
  // Requests that wait are answered with status 2 and `reason`, replies that are ready are kept. Empties the queue,
  // unless a long result is being written: the replies then follow it.
  void Fail(std::string_view reason, Posted posted);

  // Empties the queue without answering: the client is gone.
  void Abandon();

 private:
  struct Entry {
    bool is_ready() const { return !reply.empty(); }
    bool is_posted() const { return is_ready() && request_id != 0; }

    std::string id;
    uint64_t request_id = 0;  // upstream; 0 if the server is not asked
    RequestRecord record;
    size_t bytes = 0;  // of the line while the request waits for a response, then of the reply
    uint64_t cost = 0;
    // Used while the request waits for a response.
    ResultWriter write_result = nullptr;
    // Used once the request is ready. A reply is never empty.
    ReplyStatus status = ReplyStatus::kOk;
    std::string reply;
  };

  // The oldest request has been answered.
  void Finish(ReplyStatus status);
  void PopFront();
  void MoveReadyToOutput();
  void NoteReply(Entry& entry);

  // Where to append a reply with `status` that need not wait for a response.
  std::string& ReplyBuffer(std::string_view id, RequestRecord&& record, ReplyStatus status, uint64_t request_id);
  void WriteError(const Entry& entry, const v1::ErrorDetail& error, ReplyStatus status);
  void MoveToOutput(Entry& entry);

  const Bounds bounds_;
  std::string& out_;
  ClientRecord& record_;
  std::deque<Entry> entries_;
  std::optional<LongResult> result_;  // of the oldest request
  size_t bytes_ = 0;                  // the sum of the entries'
  uint64_t cost_ = 0;                 // the sum of the entries'
};

}  // namespace probegate
