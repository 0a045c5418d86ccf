// Handles a client's lines: each request is answered at once, or sent to the server and answered with the server's
// response. Replies are sent in the order of the lines.
//
// Requests are sent upstream as they arrive, without waiting for replies. The number of unanswered requests is bounded,
// and so are the bytes of their lines.
//
// A session is opened upstream for the first request that needs one. A lost session is not replaced automatically:
// pending requests, and all later ones that need a session, are answered with status 2 until the client sends `open`.
// Otherwise the client would go on with cached state of a link that is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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
  // `options`, `replies` and `record` must outlive the handler. `on_replies` is called when the server's responses have
  // become replies, which may also make room for more requests. It may call the handler's functions.
  RequestHandler(std::shared_ptr<const ServedProbe> probe, const Strand& strand, const ConnectionOptions& options,
                 ReplyWriter& replies, ClientRecord& record, std::function<void()> on_replies);
  ~RequestHandler();
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;

  // A line without its LF. To be called only while there is room.
  void Handle(std::string_view text);
  bool has_room() const;

  // Answers the line with status 2 and `reason`, whatever it asks for.
  void Refuse(std::string_view text, std::string_view reason);
  // Answers a line that cannot be read at all with status 1 and `error`.
  void RefuseUnread(std::string_view error);

  // Whether every request has been answered, and no response of the server is awaited.
  bool idle() const;

  // The client has received replies: responses that waited for room are handled.
  void Continue();

  // No more lines will come, but the client still reads replies.
  void NoMoreLines();
  // Answers waiting requests with status 2 and `reason`.
  void FailWaiting(std::string_view reason);
  // Ends the session once the posted requests are done.
  void FinishSession();
  // The client is gone: no request can be answered, and the session ends at once.
  void Abandon();

 private:
  // A line that has been parsed, and whose request is being counted and timed. Refers to the line's text.
  struct Line {
    size_t size = 0;
    Request request;
    const Command* command = nullptr;  // the command that the line names
    std::string_view error;            // why it cannot be carried out
    std::string traceparent;           // valid, or empty
    RequestRecord record;
  };

  Line Take(std::string_view text);
  void SendUpstream(Line& line, Call& call);
  void OpenSession(const std::string& traceparent);
  void AnswerError(Line& line, ReplyStatus status, std::string_view message);

  bool HasRoom() const override { return replies_.has_room(); }
  void OnResponse(const v1::StreamResponse& response) override { queue_.AnswerNext(response); }
  void OnLost(std::string_view reason) override;
  void OnTaken() override { on_replies_(); }

  const std::shared_ptr<const ServedProbe> probe_;
  const Strand strand_;
  const ConnectionOptions& options_;
  const ReplyWriter& replies_;
  ClientRecord& record_;
  const std::function<void()> on_replies_;

  ReplyQueue queue_;
  std::shared_ptr<ClientSession> session_;  // null: none yet, or lost
  std::string lost_reason_;                 // empty: no session was lost since the last was opened
  uint64_t last_request_id_ = 0;            // the last one used in the sessions that were lost
};

}  // namespace probegate
