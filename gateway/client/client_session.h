// A client's session on the server, from its opening until it is lost or dropped.
//
// Requests that wait for a response are sent at once. Posted requests (gateway/client/posting.h) are held for a moment,
// and sent with the next request that waits for a response, or when their time is up. If too much has been posted since
// the last request that waited, the session itself sends a request to learn how far the server has come. Such a request
// is the session's own, and its response is not passed to the client.
//
// Upstream's callbacks put responses into an inbox. On the strand, the session takes them from there, and checks that
// each one answers the oldest request that waits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/client/client_record.h"
#include "gateway/client/connection_options.h"
#include "gateway/client/posting.h"
#include "gateway/client/session_inbox.h"
#include "gateway/fleet/served_probe.h"
#include "gateway/fleet/upstream.h"
#include "gateway/net/net.h"

namespace probegate {

// Threads: the strand, Open included. Never blocks. Handlers of its timer and inbox keep it alive for a moment after it
// was dropped, but then do nothing.
class ClientSession : public std::enable_shared_from_this<ClientSession> {
 public:
  // Called on the strand. Must outlive the session or drop it.
  class Listener {
   public:
    // Whether the client has room for more replies. If not, no more responses are passed on until Continue.
    virtual bool HasRoom() = 0;
    // The response to the client's oldest request that was given to Send and has not been answered. The listener may
    // take it, unless it is an error.
    virtual void OnResponse(v1::StreamResponse& response) = 0;
    // The session is lost, and has been dropped: the requests that still wait will not be answered. The listener may
    // release the session. `reason` is for people to read.
    virtual void OnLost(std::string_view reason) = 0;
    // As much of the inbox as there was room for has been passed on, and maybe the session's loss.
    virtual void OnTaken() = 0;

   protected:
    ~Listener() = default;
  };

  struct Opening {
    const ServedProbe& probe;
    const std::string& traceparent;  // W3C Trace Context, or empty
    uint64_t last_request_id;        // requests are numbered from the next number on
  };
  // Sends the opening, after which requests may be sent without waiting. `options` and `record` must outlive the
  // session.
  static std::shared_ptr<ClientSession> Open(const Opening& opening, const Strand& strand,
                                             const ConnectionOptions& options, ClientRecord& record,
                                             Listener& listener);

  ClientSession(const Strand& strand, const ConnectionOptions& options, uint64_t last_request_id, ClientRecord& record,
                Listener& listener);

  // The server's description of the probe when it opened the session; null until then.
  const std::shared_ptr<const v1::ProbeDescription>& probe() const { return probe_; }

  uint64_t NextRequestId() { return ++last_request_id_; }
  uint64_t last_request_id() const { return last_request_id_; }

  // Whether `request`, a write, a lock or an unlock, may be posted now.
  bool MayPost(const v1::StreamRequest& request) const { return probe_ && posting_.Admits(request); }
  // Both take requests numbered by NextRequestId. A posted request gets no response; its line had `line_bytes` bytes.
  void Send(v1::StreamRequest request) { SendAwaited(std::move(request), false); }
  void Post(v1::StreamRequest request, size_t line_bytes);

  // Whether no more requests may be posted. The server's next response makes room.
  bool is_full() const { return posting_.is_full(); }
  // The memory that posted requests take which may not be done yet.
  uint64_t held_bytes() const;
  // Whether a response is due, to the client or to the session itself.
  bool awaits_any() const { return !awaited_.empty(); }

  // The client has room again, after HasRoom said that it had none. True if responses, or the session's end, were
  // passed on.
  bool Continue();

  // Asks the server when the posted writes are done, and whether they failed. To be called when the client sends no
  // more requests that could report that.
  void AwaitPosted();
  // Gives up the client's requests that were sent, and drops the session once the posted writes are done.
  void Finish();
  // Drops the session, and logs if there are posted writes that may not have been carried out.
  void Abandon();
  // Ends the session without waiting. From now on, nothing is sent, and the listener is not called.
  void Drop();

 private:
  // A request that was sent and has to be answered.
  struct Awaited {
    uint64_t request_id;
    int response_case;  // the field of StreamResponse that must be set
    bool is_own;        // the session's own, not the client's
    Posting::Mark sent;
  };

  void SendAwaited(v1::StreamRequest request, bool is_own);
  void SendOwn(v1::StreamRequest request);
  // Asks the server when the posted requests are done.
  void AskForAnswer();

  // Calls `then` after `time`, unless this is called again before.
  void HoldFor(std::chrono::microseconds time, void (ClientSession::*then)());
  void SendUnlock();
  // Sends the held requests. The client seems to be pausing, so this also listens for the end of the session.
  void SendPosted();
  void ListenLater();

  void TakeFromInbox();
  void PassOn();
  void HandleResponse(v1::StreamResponse& response);
  void HandleOpening(v1::StreamResponse& response);
  bool IsDue(const v1::StreamResponse& response) const;
  Awaited TakeOldestAwaited();
  void Lose(const std::string& reason);

  ClientRecord& record_;
  Listener& listener_;
  std::unique_ptr<UpstreamSession> upstream_;  // null once dropped
  std::shared_ptr<const v1::ProbeDescription> probe_;
  uint64_t last_request_id_;

  // Those before `first_awaited_` have been answered. A vector keeps its memory, unlike a deque, which would allocate
  // every few requests.
  std::vector<Awaited> awaited_;
  size_t first_awaited_ = 0;
  std::optional<uint64_t> given_up_;  // by Finish: the requests up to this one

  Posting posting_;
  Timer hold_;  // until held requests must be sent

  std::shared_ptr<SessionInbox> inbox_;
  SessionInbox::Content taken_;   // what was taken from the inbox last
  size_t passed_on_ = 0;          // of its responses
  uint64_t news_ = 0;             // responses and ends that were passed on, ever
  bool woken_in_vain_ = false;    // the inbox has more, which came while nothing was passed on
  bool inbox_waits_ = false;      // nothing is passed on until the client has room
  bool upstream_paused_ = false;  // until Resume
};

}  // namespace probegate
