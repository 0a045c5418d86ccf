// All debugging sessions: starts them within the limits, and owns their threads.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "debug/session.h"

namespace probegate {

// Threads: any.
class DebugSessions {
 public:
  // `context` must outlive this object.
  explicit DebugSessions(const DebugContext& context) : context_(context) {}
  // Does what Stop does.
  ~DebugSessions();
  DebugSessions(const DebugSessions&) = delete;
  DebugSessions& operator=(const DebugSessions&) = delete;

  // Starts a session. RESOURCE_EXHAUSTED if there are too many, or no thread can be started; UNAVAILABLE after Stop,
  // and while the audit log cannot be written. The metrics count a session that was refused as started and ended.
  absl::StatusOr<std::shared_ptr<DebugSession>> Start(DebugConfig config, Caller caller,
                                                      std::shared_ptr<DebugClient> client);

  // The access file has changed: ends the sessions that it no longer allows.
  void CheckAccess();

  // Ends all sessions, tells their clients, and starts no more. Blocks until all their programs and threads have ended,
  // which takes some seconds.
  void Stop();

  const DebugContext& context() const { return context_; }

 private:
  struct Entry {
    std::shared_ptr<DebugSession> session;
    std::thread thread;
    bool done = false;
  };

  absl::StatusOr<std::shared_ptr<DebugSession>> StartOne(DebugConfig config, Caller caller,
                                                         std::shared_ptr<DebugClient> client)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Removes the entries whose threads are about to end, and returns them.
  std::list<Entry> TakeDone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Join(std::list<Entry> entries);

  const DebugContext& context_;
  Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
