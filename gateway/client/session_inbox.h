// Passes responses from upstream's callbacks to a session's strand.
//
// The first response put into the inbox wakes the strand. Those that follow before the strand runs are taken with it.
// So replies that arrive together are written together, and a burst costs one wake-up.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "gateway/fleet/upstream.h"

namespace probegate {

// Threads: any.
class SessionInbox : public std::enable_shared_from_this<SessionInbox> {
 public:
  // If more than `max_bytes` of responses are waiting, upstream is asked for a pause. `wake` is called on upstream's
  // thread, without a lock, for the first response or session end that arrives after each Take. It must not block.
  SessionInbox(size_t max_bytes, std::function<void()> wake) : max_bytes_(max_bytes), wake_(std::move(wake)) {}

  // Callbacks for upstream. They keep the inbox alive.
  SessionHandler handler();

  struct Content {
    std::vector<v1::StreamResponse> responses;
    // The session has ended, after these responses, for this reason.
    std::optional<std::string> end;
    // Upstream waits for UpstreamSession::Resume.
    bool paused = false;
  };
  Content Take();

 private:
  bool Put(v1::StreamResponse response);
  void PutEnd(std::string reason);

  const size_t max_bytes_;
  const std::function<void()> wake_;

  Mutex mutex_;
  Content content_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
