// A client's session on the server, from its opening until it is lost or dropped.
//
// Requests that wait for a response are sent at once; those that are posted (gateway/client/posting.h) are held for a
// moment, and sent with the next that waits or when their time is up. If too much has been posted since a response was
// last awaited, the session asks by itself how far the server has come: such a request is the session's own, and its
// response goes to no client.
//
// Upstream's callbacks leave what comes in an inbox, from which the session takes it on the strand, and checks that
// each response answers the request that is due.
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
    // Whether the client has room for more replies. If not, nothing more comes until Continue.
    virtual bool HasRoom() const = 0;
    // The response to the client's oldest request that was given to Send and has not been answered.
    virtual void OnResponse(const v1::StreamResponse& response) = 0;
    // The session is lost, and has been dropped: nothing that was sent will be answered. The listener may let go of the
    // session. `reason` is for a person.
    virtual void OnLost(std::string_view reason) = 0;
    // All that had come has been passed on, the session's loss included.
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

  // As the server described the probe when it opened the session; null until then.
  const std::shared_ptr<const v1::ProbeDescription>& probe() const { return probe_; }

  uint64_t NextRequestId() { return ++last_request_id_; }
  uint64_t last_request_id() const { return last_request_id_; }

  // Whether `request`, a write, a lock or an unlock, may be posted now.
  bool MayPost(const v1::StreamRequest& request) const { return probe_ && posting_.Admits(request); }
  // Both take requests numbered by NextRequestId. A posted one, whose line had `line_bytes` bytes, is not responded to.
  void Send(v1::StreamRequest request) { SendAwaited(std::move(request), false); }
  void Post(v1::StreamRequest request, size_t line_bytes);

  // Whether as much is posted as may be; the server's next response makes room.
  bool is_full() const { return posting_.is_full(); }
  // Whether a response is due, to the client or to the session itself.
  bool awaits_any() const { return !awaited_.empty(); }

  // The client has room again, after HasRoom said that it had none.
  void Continue();

  // Has the server say when the writes that were posted are done, and whether they failed: to be called when no client
  // is left to ask.
  void AwaitPosted();
  // Gives up the client's requests that were sent, and drops the session once the writes that were posted are done.
  void Finish();
  // Drops the session, and records that writes were posted and are perhaps not done.
  void Abandon();
  // Ends the session without waiting: nothing is sent, and the listener not called, any more.
  void Drop();

 private:
  // A request that was sent and has to be answered.
  struct Awaited {
    uint64_t request_id;
    int response_case;  // the field of StreamResponse that has to come
    bool is_own;        // the session's
    Posting::Mark sent;
  };

  void SendAwaited(v1::StreamRequest request, bool is_own);
  void SendOwn(v1::StreamRequest request);
  // Has the server tell when what is posted is done.
  void AskForAnswer();

  // Calls `then` after `time`, unless this is called again before.
  void HoldFor(std::chrono::microseconds time, void (ClientSession::*then)());
  void SendUnlock();
  // Sends what is held. Its client pauses, as far as is known: so the session's end is listened for, too.
  void SendPosted();
  void ListenLater();

  void TakeFromInbox();
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
  Timer hold_;  // until what is posted must be sent

  std::shared_ptr<SessionInbox> inbox_;
  bool inbox_waits_ = false;      // for the client to have room
  bool upstream_paused_ = false;  // until Resume
};

}  // namespace probegate
