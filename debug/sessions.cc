#include "debug/sessions.h"

#include <utility>

#include "base/start_thread.h"

namespace probegate {

DebugSessions::~DebugSessions() { Stop(); }

absl::StatusOr<std::shared_ptr<DebugSession>> DebugSessions::Start(DebugConfig config, Caller caller,
                                                                   std::shared_ptr<DebugClient> client) {
  std::list<Entry> done;
  absl::StatusOr<std::shared_ptr<DebugSession>> session;
  {
    MutexLock lock(mutex_);
    done = TakeDone();
    context_.metrics.started.Add();
    session = StartOne(std::move(config), std::move(caller), std::move(client));
    if (!session.ok()) {
      context_.metrics.ended(stopped_ ? DebugEndCause::kStopping : DebugEndCause::kRefused).Add();
    }
  }
  // Even if the new session was refused: destroying a thread that was not joined would end the program.
  Join(std::move(done));
  return session;
}

absl::StatusOr<std::shared_ptr<DebugSession>> DebugSessions::StartOne(DebugConfig config, Caller caller,
                                                                      std::shared_ptr<DebugClient> client) {
  if (stopped_) return absl::UnavailableError("probegate-debugd is shutting down");
  if (absl::Status unwritten = context_.audit.CanOpen(); !unwritten.ok()) return unwritten;
  auto place = context_.quotas.sessions.Take(caller.key, 1, caller.limits.sessions);
  if (!place.ok()) {
    return absl::ResourceExhaustedError(std::string(place.status().message()) +
                                        " (--max-sessions, --max-sessions-per-client)");
  }
  auto session = std::make_shared<DebugSession>(context_, std::move(config), std::move(caller), ++last_number_,
                                                std::move(client), *std::move(place));
  Entry& entry = entries_.emplace_back();
  entry.session = session;
  absl::Status started = StartThread(entry.thread, "the debugging session", [this, &entry, session] {
    session->Run();
    MutexLock done_lock(mutex_);
    entry.done = true;
  });
  if (!started.ok()) {
    entries_.pop_back();
    return started;
  }
  return session;
}

std::list<DebugSessions::Entry> DebugSessions::TakeDone() {
  std::list<Entry> done;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->done) done.splice(done.end(), entries_, entry);
    entry = next;
  }
  return done;
}

void DebugSessions::Join(std::list<Entry> entries) {
  for (Entry& entry : entries) entry.thread.join();
}

void DebugSessions::CheckAccess() {
  MutexLock lock(mutex_);
  for (Entry& entry : entries_) entry.session->CheckAccess();
}

void DebugSessions::Stop() {
  std::list<Entry> all;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    for (Entry& entry : entries_) {
      entry.session->End({DebugEndCause::kStopping, "probegate-debugd is shutting down"});
    }
    all.splice(all.end(), entries_);
  }
  Join(std::move(all));
}

}  // namespace probegate
