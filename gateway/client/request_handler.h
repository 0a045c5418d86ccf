// Handles a client's lines: each request is answered at once, or sent to the server and answered with the server's
// response. Replies are sent in the order of the lines.
//
// Requests are sent upstream as they arrive, without waiting for replies. The number of unanswered requests is bounded,
// and so are the bytes of their lines. A request is only taken if there is room for all the memory that it needs until
// its reply has been sent (gateway/client/request_cost.h).
//
// A session is opened upstream for the first request that needs one. A lost session is not replaced automatically:
// pending requests, and all later ones that need a session, are answered with status 2 until the client sends `open`.
// Otherwise the client would go on with cached state of a link that is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/client/client_record.h"
#include "gateway/client/client_session.h"
#include "gateway/client/connection_options.h"
#include "gateway/client/reply_queue.h"
#include "gateway/client/reply_writer.h"
#include "gateway/fleet/served_probe.h"
#include "gateway/net/net.h"
#include "gateway/protocol/command_table.h"

namespace probegate {

// Threads: the strand. Never blocks.
class RequestHandler final : private ClientSession::Listener {
 public:
  enum class Room : uint8_t {
    kYes,
    kLater,  // the line has to wait
    kNever,  // more than the client may have
  };

  // Called on the strand.
  class Client {
   public:
    // Whether the request in a line of `line_bytes` may be taken. It needs `cost` bytes of memory.
    virtual Room RoomFor(size_t line_bytes, uint64_t cost) = 0;
    // The text of the line that is being handled is no longer used, but the request in it is about to need memory.
    virtual void DropLine() = 0;
    // Whether the client may be worked for now. If not, Continue is called later.
    virtual bool MayWork() = 0;
    // The server's responses have become replies, which may also make room for more requests. It may call the handler's
    // functions.
    virtual void OnReplies() = 0;

   protected:
    ~Client() = default;
  };

  // All parameters except the first two must outlive the handler.
  RequestHandler(std::shared_ptr<const ServedProbe> probe, const Strand& strand, const ConnectionOptions& options,
                 ReplyWriter& replies, ClientRecord& record, Client& client);
  ~RequestHandler();
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;

  // Handles a line without its LF. To be called only while there is room. False if the line has to wait until there is
  // memory for it (Client::RoomFor); nothing has been done then.
  [[nodiscard]] bool Handle(std::string_view text);
  bool has_room() const;
  // The memory that requests take which are not answered, or answered and perhaps not done.
  uint64_t held_bytes() const;

  // Answers the line with status 2 and `reason`, whatever it asks for.
  void Refuse(std::string_view text, std::string_view reason);
  // Answers a line that cannot be read at all with status 1 and `error`.
  void RefuseUnread(std::string_view error);

  // Whether every request has been answered, and no response of the server is awaited.
  bool idle() const;

  // The client has received replies, or may be worked for again: responses that waited for that are handled. True if
  // there was something to do; there may be more.
  bool Continue();

  // No more lines will come, but the client still reads replies.
  void NoMoreLines();
  // Answers waiting requests with status 2 and `reason`.
  void FailWaiting(std::string_view reason);
  // Ends the session once the posted requests are done.
  void FinishSession();
  // The client is gone: no request can be answered, and the session ends at once.
  void Abandon();

 private:
  // A line that has been parsed. Its request is counted and timed once it is taken. Refers to the line's text.
  struct Line {
    size_t size = 0;
    Request request;
    const Command* command = nullptr;  // the command that the line names
    std::string_view error;            // why it cannot be carried out
    bool is_request = false;           // although it may name no command
    std::string trace_id;
    std::string traceparent;  // valid, or empty
    RequestRecord record;
  };

  static Line Parse(std::string_view text);
  void Begin(Line& line);
  bool WriteParts();
  void SendUpstream(Line& line, Call& call, uint64_t cost);
  void OpenSession(const std::string& traceparent);
  void AnswerError(Line& line, ReplyStatus status, std::string_view message);

  bool HasRoom() override { return replies_.has_room() && !queue_.writes_result() && client_.MayWork(); }
  void OnResponse(v1::StreamResponse& response) override { queue_.AnswerNext(response); }
  void OnLost(std::string_view reason) override;
  void OnTaken() override { client_.OnReplies(); }

  const std::shared_ptr<const ServedProbe> probe_;
  const Strand strand_;
  const ConnectionOptions& options_;
  const ReplyWriter& replies_;
  ClientRecord& record_;
  Client& client_;

  ReplyQueue queue_;
  std::shared_ptr<ClientSession> session_;  // null: none yet, or lost
  std::string lost_reason_;                 // empty: no session was lost since the last was opened
  uint64_t last_request_id_ = 0;            // the last one used in the sessions that were lost
};

}  // namespace probegate
