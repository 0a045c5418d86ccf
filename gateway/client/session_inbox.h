// Where upstream's callbacks leave what they have for a connection.
//
// The first thing left wakes the connection's strand; what follows before the strand has run is taken with it. So
// replies that come together are written together, and a burst costs one wake-up.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "gateway/fleet/upstream.h"
#include "gateway/net/net.h"

namespace probegate {

class Connection;

// Threads: any. One session's: a connection that has gone on to another session ignores it.
class SessionInbox : public std::enable_shared_from_this<SessionInbox> {
 public:
  // Beyond `max_bytes` of responses upstream is asked for a pause.
  SessionInbox(std::weak_ptr<Connection> connection, Strand strand, size_t max_bytes)
      : connection_(std::move(connection)), strand_(std::move(strand)), max_bytes_(max_bytes) {}

  // Callbacks for upstream, which keep the inbox alive, but not the connection.
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
  void Wake();

  const std::weak_ptr<Connection> connection_;
  const Strand strand_;
  const size_t max_bytes_;

  Mutex mutex_;
  Content content_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
