// Decides which of a client's requests are posted: answered at once, and sent on without waiting for their outcome.
//
// pyOCD's own probes defer writes and report their errors with a later call; for a client of the gateway that saves a
// round trip for each lock, write and unlock. The server carries out nothing after a posted command that failed, and
// reports the failure with the next answer (StreamRequest.posted, server/sharing/posted_failure.h). A client that makes
// a mistake should get the error at once. So requests that the server would refuse are not posted, nor are a write to a
// probe that the session has not connected, and an unlock without a lock.
//
// A posted request is held for a moment, and sent together with the next request that waits for an answer. The server
// can then put them all into one packet for the probe, and is woken once. An unlock is sent together with the next
// lock, too; the lane lets other sessions in between the two. If the next lock takes too long, the unlock is sent
// alone, since other sessions may be waiting for it, and the requests posted after it stay held.
//
// The posted requests that may not be done yet are bounded. Beyond the bound, no more lines are taken.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/request_limits.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// One session's. Threads: one at a time.
class Posting {
 public:
  // Bounds on what is posted and not known to be done. The last request may exceed the bound on bytes.
  static constexpr uint64_t kMaxRequests = 128;
  static constexpr uint64_t kMaxBytes = uint64_t{256} << 10;  // of request lines
  // All of them may be held, and then be sent in one message. The server ends the session if a message has too many.
  static_assert(kMaxRequests <= kMaxPosted);
  // From this size on, held requests are sent in a message of their own: the packets that they fill keep the probe busy
  // meanwhile.
  static constexpr uint64_t kHeldBytes = 4096;  // of request lines

  // How much had been posted at some point.
  struct Mark {
    uint64_t requests = 0;
    uint64_t writes = 0;  // of these requests: the locks and unlocks are left out
    uint64_t bytes = 0;
  };

  explicit Posting(bool enabled) : enabled_(enabled) {}

  // Whether `request`, a write, a lock or an unlock, may be posted.
  bool Admits(const v1::StreamRequest& request) const;
  enum class Hold : uint8_t {
    kYes,
    kBriefly,  // until TakeUnlock: another session may be waiting for the lock that is given back
    kNo,       // what is held should be sent now
  };
  // Posts `request`, whose line had `bytes` bytes: it is held, and the result says for how long.
  [[nodiscard]] Hold Post(v1::StreamRequest request, size_t bytes);

  // Takes the held requests, as a message of its own. There must be at least one.
  v1::StreamRequest TakeHeld();
  // Takes the held requests up to the unlock that others may be waiting for; none if that was sent meanwhile.
  v1::StreamRequest TakeUnlock();
  // Puts the held requests in front of `request`, which waits for an answer and is about to be sent.
  Mark TakeAlong(v1::StreamRequest& request);
  // The response to that request has arrived: everything posted before `sent` is done.
  void NoteAnswer(const v1::StreamResponse& response, const Mark& sent);

  bool holds_any() const { return held_.posted_size() > 0; }
  // Whether a bound on what is posted is reached.
  bool is_full() const;
  // Whether half of a bound has been posted since a request that waits for an answer was last sent.
  bool wants_answer() const;
  // What is posted and not known to be done.
  uint64_t requests_outstanding() const { return posted_.requests - done_.requests; }
  uint64_t bytes_outstanding() const { return posted_.bytes - done_.bytes; }
  // Writes among them.
  uint64_t writes_outstanding() const { return posted_.writes - done_.writes; }

 private:
  void NoteSent();

  bool enabled_;
  uint64_t last_change_ = 0;   // the last request sent that connects or disconnects
  bool connected_ = false;     // whether that request connects
  uint32_t locks_ = 0;         // how many the client holds
  bool lock_is_sent_ = false;  // the server has received one of them, so other sessions have to wait
  v1::StreamRequest held_;
  uint64_t held_bytes_ = 0;
  int unlock_end_ = 0;         // how many of held_ go with the unlock that others may be waiting for
  uint64_t unlock_bytes_ = 0;  // and their part of held_bytes_
  Mark posted_;
  Mark asked_;  // when a request that waits for an answer was last sent
  Mark done_;
};

}  // namespace probegate
