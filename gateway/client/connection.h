// One client of the remote protocol: its requests in order, answered in order.
//
// Requests are sent upstream as they arrive, without waiting for replies; how many may be under way is bounded, and so
// are the bytes of requests and replies that are held. Beyond the bounds the client's socket is not read: TCP tells the
// client.
//
// A session is opened upstream with the first request that needs one. A lost session stays lost: where it ends, what is
// under way and all that needs a session is answered with status 2 until the client sends `open`. Nothing is re-opened
// behind a client whose caches describe a link that is gone.
//
// How a connection ends (docs/protocol.md): after the client's FIN everything it sent is answered, then the socket is
// closed in the usual way. After a reset, or when the peer is dead, the session ends at once. Where the gateway ends
// it, what waits is answered with status 2 and, once the client has it all and what was posted is done, the connection
// is reset: pyOCD spins for ever on a FIN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/client/client_record.h"
#include "gateway/client/posting.h"
#include "gateway/client/reply_writer.h"
#include "gateway/client/session_inbox.h"
#include "gateway/fleet/served_probe.h"
#include "gateway/fleet/upstream.h"
#include "gateway/net/net.h"
#include "gateway/protocol/command_table.h"
#include "gateway/protocol/line_framer.h"
#include "telemetry/log.h"

namespace probegate {

struct ConnectionOptions {
  size_t max_line_bytes = size_t{16} << 20;
  // Requests that are not answered yet.
  size_t max_in_flight = 256;
  // Bytes of lines that are not answered yet, and of replies that the client has not taken, each: one more may exceed
  // it.
  size_t max_held_bytes = size_t{8} << 20;
  bool offer_memory_interface = false;
  // Whether writes and locks are answered at once (gateway/client/posting.h).
  bool post = true;
};

// Threads: Start, Refuse and End from any; the rest runs on the socket's strand. Lives until it has ended.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `options`, `metrics` and `log` must outlive the connection. `on_closed` is called once, on the strand,
  // at the end.
  Connection(Socket socket, std::string peer, std::shared_ptr<const ServedProbe> probe,
             const ConnectionOptions& options, GatewayMetrics& metrics, Log& log, std::function<void()> on_closed);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start();

  // Instead of Start: answers the first request with status 2 and `reason`, and ends.
  void Refuse(std::string reason);

  // Ends the connection from our side: see above.
  void End(std::string reason);

 private:
  friend class SessionInbox;

  // A request that waits for its turn to be answered. One whose reply is ready was answered without the server, or is
  // posted, and only waits until those before it have been answered.
  struct Pending {
    bool own = false;         // the gateway's: its answer is for nobody
    std::string id;           // as JSON
    size_t line_bytes = 0;    // of the request
    uint64_t request_id = 0;  // upstream; 0 where it is not asked
    ResultWriter write_result = nullptr;
    int response_case = 0;  // the field of StreamResponse that has to come
    Posting::Mark sent;
    bool ready = false;
    ReplyStatus status = ReplyStatus::kOk;  // of `reply`, if it is ready
    std::string reply;
    RequestRecord record;
  };
  // A line, taken apart and counted from then on. Points into the line's text.
  struct Line {
    size_t size = 0;
    Request request;
    const Command* command = nullptr;  // that it names
    std::string_view error;            // why it cannot be carried out
    std::string traceparent;           // valid, or empty
    RequestRecord record;
  };
  enum class SessionState : uint8_t { kNone, kLive, kLost };

  Task<> ReadRequests();
  Task<> WatchForReset();
  Task<> LingerThenReset();
  Task<> RefuseFirstRequest(std::string reason);

  Line TakeLine(std::string_view text);
  // One that nothing can be taken out of.
  Line BadLine(std::string_view error);
  void HandleLine(std::string_view text);
  void SendUpstream(Line& line, Call& call);
  // Sends a request whose response `pending` is for.
  void Await(v1::StreamRequest& request, Pending pending);
  // Answers the line, and sends it along with what comes next.
  void Post(Line& line, Call& call);
  // Calls `then` after `time`, unless this is called again before.
  void HoldFor(std::chrono::microseconds time, void (Connection::*then)());
  void SendUnlock();
  // Sends what is held. Its client pauses, as far as is known: so the session's end is listened for, too.
  void SendPosted();
  void ListenLater();
  // Has the server tell when what is posted is done.
  void AskForAnswer();
  // The same, and of a failure: where nobody is left who might ask.
  void AwaitPosted();
  void SendOwn(v1::StreamRequest request);
  void OpenSession(const std::string& traceparent);
  bool MayRead() const;
  // What is wrong with a line that is.
  std::string TooLong() const;

  // Where to append the reply, with `status`, to a line that is answered without waiting: it keeps its turn.
  // `request_id` is the one upstream, or 0.
  std::string& ReplyBuffer(Line& line, ReplyStatus status, uint64_t request_id = 0);
  void AnswerOk(Line& line, std::string_view result, uint64_t request_id = 0);
  void AnswerError(Line& line, ReplyStatus status, std::string_view message);

  // Upstream's news.
  void TakeFromInbox(const std::shared_ptr<SessionInbox>& inbox);
  void HandleResponse(v1::StreamResponse& response);
  void Answer(Pending& pending, const v1::StreamResponse& response);
  // The status that it wrote.
  ReplyStatus WriteResponse(const Pending& pending, const v1::StreamResponse& response);
  void LoseSession(std::string reason);
  // Where the session is lost, what was posted and has not been answered yet has failed, too, as far as anybody knows.
  void FailPending(std::string_view reason);
  void DropSession();

  // Replies.
  void MoveReadyReplies();
  void MoveReadyReply(Pending& pending);
  // Sends what the socket takes; with the rest it goes on by itself.
  void Flush();
  void OnProgress();

  void EndNow(std::string_view reason, std::string_view last_error = {});
  void FinishIfDone();
  void Close();

  Socket socket_;
  const std::shared_ptr<const ServedProbe> probe_;
  const ConnectionOptions& options_;
  ClientRecord record_;
  std::function<void()> on_closed_;

  LineFramer framer_;
  Timer room_;  // cancelled when there is room for more requests
  Timer hold_;  // until what is posted must be sent
  std::deque<Pending> pending_;
  size_t pending_line_bytes_ = 0;
  ReplyWriter replies_;
  bool full_ = false;  // the socket: what waits is written when it takes more

  SessionState session_state_ = SessionState::kNone;
  std::unique_ptr<UpstreamSession> session_;
  std::shared_ptr<SessionInbox> inbox_;
  std::string lost_reason_;
  Posting posting_;
  uint64_t last_request_id_ = 0;
  bool session_opened_ = false;  // the server has confirmed it
  bool inbox_waits_ = false;     // for the client to take what it has been sent
  bool upstream_paused_ = false;
  std::shared_ptr<const v1::ProbeDescription> session_probe_;  // as the session's opening said

  bool client_finished_ = false;  // its FIN has come
  bool ending_ = false;
  bool closed_ = false;
};

}  // namespace probegate
