// Sessions opened for unary calls, which have no connection whose end would end them.
//
// Such a session answers only to calls of the identity that opened it or, if that is not proved,
// from the host. It ends when it is closed, when it has had no call
// for its idle time-out, when another user ends it, or when the last token that came with a call has expired, if the
// program ends such sessions; calls that wait for an answer are then cut off with the reason.
// A call under way keeps its session from being idle. How much may be unanswered at once is bounded, for each session
// and for all together (server/commands/request_cost.h).
//
// Idle sessions end in EndIdle, which IdleThread calls (server/sessions/idle_thread.h).
//
// Threads: any; nothing but AwaitIdle blocks. Callbacks are called as a session's are (server/lane/session.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "access/service/caller.h"
#include "base/mutex.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/lane/session.h"
#include "server/sessions/session_registry.h"

namespace probegate {

class UnarySessions {
 public:
  using Clock = std::chrono::steady_clock;

  // `registry` must outlive this, and its catalog be stopped before this is destroyed. `now` is called with a lock
  // held.
  explicit UnarySessions(SessionRegistry& registry, std::function<Clock::time_point()> now = Clock::now);
  // Ends the sessions there are. No call may be in progress.
  ~UnarySessions();
  UnarySessions(const UnarySessions&) = delete;
  UnarySessions& operator=(const UnarySessions&) = delete;

  // Opens a session that belongs to the caller. Errors: as SessionRegistry::Open; kInvalidArgument for an idle
  // time-out out of range.
  absl::StatusOr<v1::OpenSessionResponse> Open(const v1::OpenSessionRequest& request, const Caller& caller,
                                               std::string_view traceparent = {});

  // kNotFound if the caller has no session here, so that none of its calls can succeed.
  absl::Status CheckHasSession(const Caller& caller) const;

  // How a call ends: with the command's answer, which may be an ErrorDetail, or without one if the session does not
  // exist (kNotFound), has too much unanswered (kBusy), or ended before the answer (the reason; CANCELLED if a client
  // closed or ended it).
  using CallCallback = absl::AnyInvocable<void(absl::StatusOr<v1::StreamResponse>)>;

  // Queues `command` in a session of the caller's. `done` is called exactly once. `abandoned` as in Session::Submit.
  void Submit(const std::string& session_id, const Caller& caller, v1::StreamRequest command, CallCallback done,
              AbandonedCheck abandoned = nullptr);

  // Ends a session of the caller's, and every call that waits in it. kNotFound if there is no such session.
  absl::Status Close(const std::string& session_id, const Caller& caller);

  // Ends the sessions whose idle time-out has passed.
  void EndIdle();
  // Blocks until EndIdle has something to do: true; or until StopWaiting has been called: false, then and from then on.
  // For one thread; needs the system's clock for `now`.
  bool AwaitIdle();
  void StopWaiting();

 private:
  struct Entry;
  class WaitingCall;

  void OnEnded(Entry& entry, const absl::Status& why);
  std::shared_ptr<Entry> FindOwn(const std::string& session_id, const Caller& caller) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountOwner(const std::string& owner, int more) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes an entry's session from the list. Empty if it has been taken already.
  SessionHandle Take(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Counts a call that may hold `cost` bytes, or refuses it (kBusy).
  absl::Status Admit(Entry& entry, size_t cost) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The session has been used: its idle time-out starts now.
  void Touch(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  SessionRegistry& registry_;
  const std::function<Clock::time_point()> now_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Clock::time_point next_wake_ ABSL_GUARDED_BY(mutex_) = Clock::time_point::max();
  std::map<std::string, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);  // by the session's name
  std::map<std::string, size_t> owners_ ABSL_GUARDED_BY(mutex_);                   // how many entries each has
};

}  // namespace probegate
