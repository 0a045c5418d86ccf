// Every session there is, by its id: for calls that name theirs, for lists, and for whoever wants to end one.
//
// A session lives in one of two ways. That of a stream lives as long as the stream holds its SessionHandle. That of
// unary calls is kept here, and ends when it is closed, or when no call came for its idle time-out.
//
// Threads: any; nothing but the destructor blocks. Callbacks are called as a session's are (server/lane/session.h).
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/peer.h"
#include "probegate/v1/probe_directory.pb.h"
#include "server/catalog/catalog.h"
#include "server/lane/session.h"
#include "telemetry/log.h"

namespace probegate {

class SessionRegistry;

// A stream's session: gives it back when it is destroyed.
class SessionHandle {
 public:
  SessionHandle() = default;
  SessionHandle(SessionHandle&& other) noexcept { *this = std::move(other); }
  SessionHandle& operator=(SessionHandle&& other) noexcept;
  // As one whose client is gone.
  ~SessionHandle() { Release(SessionEndCause::kClientGone); }

  explicit operator bool() const { return session_ != nullptr; }
  // For use while another thread may release the handle.
  const std::shared_ptr<Session>& session() const { return session_; }
  void Release(SessionEndCause cause);

 private:
  friend class SessionRegistry;
  SessionRegistry* registry_ = nullptr;
  std::shared_ptr<Session> session_;
};

class SessionRegistry {
 public:
  // `catalog` and `log` must outlive this, and `catalog` be stopped before this is destroyed.
  SessionRegistry(Catalog& catalog, Log& log, size_t max_sessions);
  ~SessionRegistry();
  SessionRegistry(const SessionRegistry&) = delete;
  SessionRegistry& operator=(const SessionRegistry&) = delete;

  struct Opened {
    SessionHandle session;
    v1::OpenSessionResponse response;
  };
  // Tells why a session ended that its client did not end.
  using EndCallback = absl::AnyInvocable<void(const absl::Status& why)>;
  // For a stream. `on_end` as in Lane::OpenSession. `traceparent` (W3C Trace Context) says for the log what the opening
  // is part of. Errors: as Catalog::Resolve and FindLane; kBusy where there are too many sessions.
  absl::StatusOr<Opened> OpenForStream(const v1::OpenSessionRequest& request, const Peer& peer, EndCallback on_end,
                                       std::string_view traceparent = {});

  // For unary calls. Errors as above; kInvalidArgument for a time-out out of range.
  absl::StatusOr<v1::OpenSessionResponse> OpenForCalls(const v1::OpenSessionRequest& request, const Peer& peer,
                                                       std::string_view traceparent = {});

  // How a unary call ends: with the command's answer, which may be an ErrorDetail, or without one where the session
  // does not exist (kNotFound) or ended before the answer (the reason: CANCELLED where somebody closed or ended it).
  using CallCallback = absl::AnyInvocable<void(absl::StatusOr<v1::StreamResponse>)>;

  // Queues `command` in a session of `peer`'s. `done` is called exactly once; with kBusy where more than
  // server/commands/request_cost.h allows is unanswered. `abandoned` as in Session::Submit.
  void Submit(const std::string& session_id, const Peer& peer, v1::StreamRequest command, CallCallback done,
              AbandonedCheck abandoned = nullptr);

  // Ends a session of `peer`'s, and every call that waits in it. kNotFound where there is none of this id.
  absl::Status Close(const std::string& session_id, const Peer& peer);

  // Those on the probe of this unique id, or all where it is empty; oldest first.
  std::vector<v1::SessionInfo> List(const std::string& unique_id) const;

  // Ends anyone's session, named by the first half of its id or the whole; `reason` is told to its client.
  absl::Status End(const std::string& session, const std::string& reason);

 private:
  friend class SessionHandle;
  using Clock = std::chrono::steady_clock;
  struct Entry;
  class WaitingCall;

  absl::StatusOr<std::shared_ptr<Session>> Open(const v1::OpenSessionRequest& request, const Peer& peer,
                                                const std::shared_ptr<Entry>& entry, EndCallback on_end,
                                                std::string_view traceparent);
  void LogOpened(const Session& session, std::string_view traceparent) const;
  absl::Status Reserve(const std::string& name, const std::shared_ptr<Entry>& entry);
  std::shared_ptr<Entry> FindOwn(const std::string& session_id, const Peer& peer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes a session from the list and drops it. The end that its entry holds goes before `end`.
  void Remove(const std::string& name, SessionEnd end);
  // The same, of an entry that says how it ended.
  void RemoveEntry(const Entry& entry);
  absl::Status Admit(Entry& entry, size_t cost) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Touch(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<std::string> TakeIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndIdleSessions();

  Catalog& catalog_;
  Log& log_;
  const size_t max_sessions_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  size_t unanswered_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of all unary calls
  Clock::time_point next_wake_ ABSL_GUARDED_BY(mutex_) = Clock::time_point::max();
  std::map<std::string, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);  // by the session's name

  std::thread idle_thread_;
};

}  // namespace probegate
