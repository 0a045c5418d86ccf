// What becomes of a client's lines: each request is answered at once, or sent to the server, whose response is its
// answer. Replies leave in the order of the lines.
//
// Requests are sent upstream as they arrive, without waiting for replies; how many may be under way is bounded, and so
// are the bytes of their lines.
//
// A session is opened upstream with the first request that needs one. A lost session stays lost: when it ends, what is
// under way and all that needs a session is answered with status 2 until the client sends `open`. Nothing is re-opened
// behind the back of a client whose caches describe a link that is gone.
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
  // become replies, which may make room for more requests too; it may call back.
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
  // Answers a line of which nothing can be read with status 1 and `error`.
  void RefuseUnread(std::string_view error);

  // Whether all has been answered, and nothing is asked of the server any more.
  bool idle() const;

  // The client has taken replies: responses that waited for that are handled.
  void Continue();

  // No line comes any more, but replies are still read.
  void NoMoreLines();
  // Answers what waits with status 2 and `reason`. What was posted is done before the session goes.
  void FailWaiting(std::string_view reason);
  void FinishSession();
  // The client is gone: nothing can be answered, and the session ends.
  void Abandon();

 private:
  // A line, taken apart and counted from then on. Points into the line's text.
  struct Line {
    size_t size = 0;
    Request request;
    const Command* command = nullptr;  // that it names
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
  std::string lost_reason_;                 // empty: none was lost since the last was opened
  uint64_t last_request_id_ = 0;            // of the sessions that were lost
};

}  // namespace probegate
