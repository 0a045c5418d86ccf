// Which requests of a client are posted: answered at once, and sent on without waiting for what becomes of them.
//
// pyOCD's own probes defer writes and report their errors with a later call; behind a gateway that saves a round trip
// for each lock, write and unlock. The server keeps anything from running behind one that failed, and tells of it with
// the next answer (StreamRequest.posted, server/sharing/posted_failure.h). A client that errs should hear of it at
// once: so what the server would refuse waits for its answer, as does a write to a probe that the session has not
// connected, and an unlock where there is no lock.
//
// What is posted is held back for a moment, and goes along with the request that waits next: the server then has it in
// one packet for the probe, and is woken once. An unlock comes along with the next lock, too; the lane lets others in
// between. Where that takes too long the unlock goes alone, since others may wait for it, and what is behind it stays.
//
// What is posted and perhaps not done yet is bounded: beyond the bound no more lines are taken.
#pragma once

#include <cstddef>
#include <cstdint>

#include "probegate/v1/debug_probe.pb.h"
#include "proto/limits.h"

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

  // How much had been posted at some moment.
  struct Mark {
    uint64_t requests = 0;
    uint64_t writes = 0;  // of them: not locks
    uint64_t bytes = 0;
  };

  explicit Posting(bool enabled) : enabled_(enabled) {}

  // Whether `request`, a write, a lock or an unlock, may be posted.
  bool Admits(const v1::StreamRequest& request) const;
  enum class Hold : uint8_t {
    kYes,
    kBriefly,  // somebody may wait for the lock that is given back: for TakeUnlock
    kNo,       // what is held should be sent now
  };
  // It is, and held. Its line had `bytes` bytes.
  [[nodiscard]] Hold Post(v1::StreamRequest request, size_t bytes);

  // What is held, as a message of its own. There must be something.
  v1::StreamRequest TakeHeld();
  // What is held up to the unlock that others may wait for; nothing where that has been sent meanwhile.
  v1::StreamRequest TakeUnlock();
  // Puts what is held in front of a request that waits and is about to be sent.
  Mark TakeAlong(v1::StreamRequest& request);
  // Its response has come, and with it all that was posted before `sent` is done.
  void NoteAnswer(const v1::StreamResponse& response, const Mark& sent);

  bool holds_any() const { return held_.posted_size() > 0; }
  // Whether as much is posted as may be.
  bool is_full() const;
  // Whether half of that is, and no request that waits has been sent since.
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
  int unlock_end_ = 0;         // how many of held_ go with the unlock that others may wait for
  uint64_t unlock_bytes_ = 0;  // and what they are of held_bytes_
  Mark posted_;
  Mark asked_;  // when a request that waits was sent last
  Mark done_;
};

}  // namespace probegate
