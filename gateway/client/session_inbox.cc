#include "gateway/client/session_inbox.h"

#include <utility>

namespace probegate {

SessionHandler SessionInbox::handler() {
  return {
      .on_response = [self =
                          shared_from_this()](v1::StreamResponse response) { return self->Put(std::move(response)); },
      .on_end = [self = shared_from_this()](std::string reason) { self->PutEnd(std::move(reason)); },
  };
}

SessionInbox::Content SessionInbox::Take() {
  const MutexLock lock(mutex_);
  woken_ = false;
  bytes_ = 0;
  return std::exchange(content_, Content());
}

bool SessionInbox::Put(v1::StreamResponse response) {
  const size_t bytes = response.ByteSizeLong();
  bool wake = false;
  bool go_on = true;
  {
    const MutexLock lock(mutex_);
    content_.responses.push_back(std::move(response));
    bytes_ += bytes;
    go_on = bytes_ <= max_bytes_;
    content_.paused = !go_on;
    wake = !std::exchange(woken_, true);
  }
  if (wake) wake_();
  return go_on;
}

void SessionInbox::PutEnd(std::string reason) {
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    content_.end = std::move(reason);
    wake = !std::exchange(woken_, true);
  }
  if (wake) wake_();
}

}  // namespace probegate
