// A lane is the way to one probe: one thread, one queue, and the only caller of the Probe.
//
// Sessions put commands in; the lane answers them. Commands of one session are answered in the order in which it sent
// them; sessions take turns, first come first served, and what several of them have queued goes to the probe together
// (server/sharing/shared_probe.h). A session that holds the lock has the lane to itself, within the bounds of
// LaneOptions.
//
// A lane lives as long as its probe is there. When the probe is gone the lane ends its sessions and stays dead: the
// catalog makes a new lane when the probe is back.
//
// Threads: public methods may be called from any thread and, except Stop, never block. Callbacks run on the lane's
// thread or on the thread of the call that caused them, never with a lock held; they must not block, and may call back
// into the lane and its sessions, except for Stop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "probe/probe.h"
#include "server/lane/session.h"
#include "telemetry/log.h"

namespace probegate {

class ProbeMetrics;
class SharedProbe;
struct LaneMember;
struct PendingCommand;

struct LaneOptions {
  // A lock whose holder was silent for so long, or that was held for so long at all, is taken away while another waits.
  std::chrono::milliseconds lock_idle{10'000};
  std::chrono::milliseconds lock_max{60'000};
  // How often an idle probe is asked whether it is still there.
  std::chrono::milliseconds presence_interval{500};
  // How often a probe that captures SWO is asked for it: small probes hold 4 KiB, which 2 Mbaud fill in 20 ms.
  std::chrono::milliseconds swo_interval{5};
};

// What the owner of lanes wants to know. Called as callbacks are, see above.
class LaneEvents {
 public:
  virtual ~LaneEvents() = default;

  // The probe is gone; its sessions have been ended. Called once. The owner should Stop the lane, from another thread.
  virtual void OnProbeGone(const std::string& unique_id, const absl::Status& why) = 0;
  // The number of sessions, or of those that have the probe open, changed.
  virtual void OnUsageChanged(const std::string& unique_id) = 0;
  // `holder` had its lock taken away, because `waiter` waits.
  virtual void OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) = 0;
};

struct LaneUsage {
  size_t sessions = 0;
  size_t sessions_open = 0;  // of them, those that have opened the probe
  size_t queued = 0;         // commands that wait for their turn
  bool lock_held = false;
  size_t lock_waiters = 0;  // sessions whose next command waits for another's lock
};

// What a lane works with. `events` and `log` must outlive it.
struct LaneContext {
  LaneOptions options;
  LaneEvents& events;
  std::shared_ptr<ProbeMetrics> metrics;  // of the lane's probe
  Log& log;
};

class Lane : public std::enable_shared_from_this<Lane> {
 public:
  // Nothing happens before Start. What happens on the wire is counted from here on.
  static std::shared_ptr<Lane> Make(std::unique_ptr<Probe> probe, const LaneContext& context);

  // Once, before anything else. kInternal where the system gives no thread for the probe: then the lane is of no use.
  absl::Status Start();

  // The lane must have been stopped, where it was started.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  const ProbeInfo& probe_info() const { return info_; }
  ProbeMetrics& metrics() const { return *metrics_; }

  // A new session, or the error with which the lane has ended. `on_end` is called at most once, when somebody other
  // than the session's owner ends it, with the reason: kProbeDisconnected when the probe is gone or the server stops.
  absl::StatusOr<std::shared_ptr<Session>> OpenSession(SessionId id, v1::ClientInfo client,
                                                       Session::EndCallback on_end);

  LaneUsage usage() const;

  // Has the thread look soon whether the probe is still there.
  void CheckPresence();

  // Ends every session with `why`, answers what is queued with it, lets the command on the wire finish, gives back
  // everything and leaves the probe disconnected and closed. Blocks until the thread has ended. Not from a callback.
  // Calling it again does nothing. The sessions' end is the server's (kServerStopped), unless the probe went first.
  void Stop(const absl::Status& why);

 private:
  friend class Session;
  using Clock = std::chrono::steady_clock;
  using MemberPtr = std::shared_ptr<LaneMember>;

  // Commands taken from the queues, in the order in which they are carried out.
  struct Item;
  using Batch = std::vector<Item>;

  Lane(std::unique_ptr<Probe> probe, const LaneContext& context);

  // Called by Session.
  void Submit(const MemberPtr& member, v1::StreamRequest request, ReplyCallback done, AbandonedCheck abandoned);
  PendingCommand MakeCommand(v1::StreamRequest request, bool posted, Clock::time_point now) const;
  void Leave(const MemberPtr& member);
  void End(const MemberPtr& member, const SessionEnd& end);
  SessionSnapshot Snapshot(const LaneMember& member) const;

  void Run();
  // What can be done now; empty when nothing can.
  Batch NextBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes what it can from the front of one session's queue. False once the batch should take no more.
  bool TakeFrom(const MemberPtr& member, Batch& batch, size_t& transfers) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsBlocked(const LaneMember& member) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeLock(LaneMember& member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReleaseLock(LaneMember& member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeReady(const MemberPtr& member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const LaneMember* FirstBlocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // When a lock must be looked at; nothing while nobody waits for it.
  std::optional<Clock::time_point> LockDeadline() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FreeLock() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void BreakLock() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes or gives back the lock, where `command` asks for that, it is the member's turn, and the thread is idle: it
  // need not be woken then. Clients do both around each access. False where the command has to be queued.
  bool LockNow(LaneMember& member, const PendingCommand& command) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Detach(const MemberPtr& member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Count a command; answer it with `why`; tell a session that it has ended. Without the mutex.
  void Count(const LaneMember& member, PendingCommand& command, size_t outcome, Clock::time_point now) const;
  void Refuse(const LaneMember& member, PendingCommand& command, const absl::Status& why) const;
  void AnswerLock(const LaneMember& member, PendingCommand& command, Clock::time_point now) const;
  void TellEnd(const LaneMember& member, std::deque<PendingCommand>& dropped, Session::EndCallback& on_end,
               const SessionEnd& end) const;
  SessionSnapshot SnapshotLocked(const LaneMember& member) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The thread's own steps, without the mutex.
  absl::Status Execute(Batch& batch);
  absl::Status ExecuteAlone(Item& item);
  void Answer(Batch& batch);
  void Farewell(LaneMember& member);
  void Die(const absl::Status& why);

  LaneEvents& events_;
  Log& log_;
  const LaneOptions options_;
  const std::shared_ptr<ProbeMetrics> metrics_;
  const std::unique_ptr<SharedProbe> shared_;  // the thread's own, from its start to its end
  const ProbeInfo info_;

  mutable Mutex mutex_;
  CondVar wake_;
  std::optional<absl::Status> stop_ ABSL_GUARDED_BY(mutex_);   // Stop was called
  std::optional<absl::Status> ended_ ABSL_GUARDED_BY(mutex_);  // why no session can be opened any more
  std::list<MemberPtr> members_ ABSL_GUARDED_BY(mutex_);
  std::list<MemberPtr> ready_ ABSL_GUARDED_BY(mutex_);  // those with something to do, in turn
  LaneMember* holder_ ABSL_GUARDED_BY(mutex_) = nullptr;
  uint32_t lock_depth_ ABSL_GUARDED_BY(mutex_) = 0;
  Clock::time_point locked_at_ ABSL_GUARDED_BY(mutex_);
  // What a broken lock leaves to be told, outside the mutex.
  std::vector<std::pair<SessionSnapshot, SessionSnapshot>> broken_ ABSL_GUARDED_BY(mutex_);
  bool usage_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool check_now_ ABSL_GUARDED_BY(mutex_) = false;  // CheckPresence was called

  std::thread thread_;
};

}  // namespace probegate
