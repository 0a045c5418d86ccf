// Which requests of a client are posted: answered at once, and sent on without waiting for their outcome.
//
// pyOCD's own probes defer writes and report their errors with a later call; for a client of the gateway that saves a
// round trip for each lock, write and unlock. The server carries out nothing after a posted command that failed, and
// reports the failure with the next answer (StreamRequest.posted, server/sharing/posted_failure.h). A client that makes
// a mistake should hear of it at once: so what the server would refuse waits for its answer, as does a write to a probe
// that the session has not connected, and an unlock without a lock.
//
// What is posted is held back for a moment, and goes along with the next request that waits for an answer: the server
// then has it all in one packet for the probe, and is woken once. An unlock goes along with the next lock, too; the
// lane lets other sessions in between. If that takes too long, the unlock goes alone, since others may be waiting for
// it, and what was posted after it stays.
//
// What is posted and perhaps not done yet is bounded: beyond the bound no more lines are taken.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/request_limits.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// One session's. Threads: one at a time.
class Posting {
 public:
  // What may be posted and not known to be done; of bytes, the last request may exceed the bound.
  static constexpr uint64_t kMaxRequests = 128;
  static constexpr uint64_t kMaxBytes = uint64_t{256} << 10;  // of request lines
  // All of them may be held, and then go in one message: the server ends the session if those are too many.
  static_assert(kMaxRequests <= kMaxPosted);
  // What is worth a message of its own: the packets that it fills keep the probe busy meanwhile.
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

  // What is held, as a message of its own. There must be something.
  v1::StreamRequest TakeHeld();
  // What is held up to the unlock that others may be waiting for; nothing if that has been sent meanwhile.
  v1::StreamRequest TakeUnlock();
  // Puts what is held in front of `request`, which waits for an answer and is about to be sent.
  Mark TakeAlong(v1::StreamRequest& request);
  // The response to that request has come: all that was posted before `sent` is done.
  void NoteAnswer(const v1::StreamResponse& response, const Mark& sent);

  bool holds_any() const { return held_.posted_size() > 0; }
  // Whether as much is posted as may be.
  bool is_full() const;
  // Whether half of that has been posted since a request that waits for an answer was last sent.
  bool wants_answer() const;
  // Writes that are posted and not known to be done.
  uint64_t writes_outstanding() const { return posted_.writes - done_.writes; }

 private:
  void NoteSent();

  bool enabled_;
  uint64_t last_change_ = 0;   // the last request sent that connects or disconnects
  bool connected_ = false;     // as that one left it
  uint32_t locks_ = 0;         // of the client
  bool lock_is_sent_ = false;  // the server has one of them, and keeps others waiting
  v1::StreamRequest held_;
  uint64_t held_bytes_ = 0;
  int unlock_end_ = 0;         // how many of held_ go with the unlock that others may be waiting for
  uint64_t unlock_bytes_ = 0;  // and their part of held_bytes_
  Mark posted_;
  Mark asked_;  // when a request that waits was sent last
  Mark done_;
};

}  // namespace probegate
