// A lane gives sessions access to one probe. It has one thread and one queue, and nothing else calls the Probe.
//
// Sessions submit commands, and the lane answers them. The commands of one session are answered in the order in which
// it sent them; sessions take turns, and one that holds the lock has the lane to itself (server/lane/lane_queue.h). The
// commands that several sessions have queued are sent to the probe together (server/lane/batch_runner.h,
// server/sharing/shared_probe.h).
//
// No session keeps the probe for long (server/sharing/work_bound.h): transfers are carried out in short turns, and
// whatever a session has on the wire is given up, after the packet that has begun, once the session has ended.
//
// A lane lives as long as its probe is present. When the probe is gone, the lane ends its sessions and cannot be used
// again. If the probe comes back, the catalog makes a new lane.
//
// Threads: public methods may be called from any thread and, except Stop, never block. Callbacks run on the lane's
// thread or on the thread of the call that caused them, never with a lock held; they must not block, and may call back
// into the lane and its sessions, except for Stop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "probe/probe.h"
#include "server/lane/batch_runner.h"
#include "server/lane/command_answers.h"
#include "server/lane/lane_batch.h"
#include "server/lane/lane_member.h"
#include "server/lane/lane_queue.h"
#include "server/lane/probe_reports.h"
#include "server/lane/session.h"
#include "server/sharing/shared_probe.h"
#include "telemetry/log.h"

namespace probegate {

class ProbeMetrics;

struct LaneOptions {
  // A lock is taken away while another session waits for it, once its holder has sent nothing for `lock_idle`, or has
  // held it for `lock_max`, divided among the sessions of its client (LaneQueue).
  std::chrono::milliseconds lock_idle{10'000};
  std::chrono::milliseconds lock_max{60'000};
  // The lowest clock in hertz that a session can ask for.
  uint32_t clock_min = 10'000;
  // How often an idle probe is asked whether it is still there.
  std::chrono::milliseconds presence_interval{500};
  // How often a probe that captures SWO is asked for it: small probes hold 4 KiB, which 2 Mbaud fill in 20 ms.
  std::chrono::milliseconds swo_interval{5};
};

// Events for the owner of lanes. These are callbacks, with the rules above.
class LaneEvents {
 public:
  virtual ~LaneEvents() = default;

  // The probe is gone; its sessions have been ended. Called once. The owner should Stop the lane, from another thread.
  virtual void OnProbeGone(const std::string& unique_id, const absl::Status& why) = 0;
  // The number of sessions, or of those that have the probe open, changed.
  virtual void OnUsageChanged(const std::string& unique_id) = 0;
  // `by` has reset the target.
  virtual void OnProbeReset(const SessionSnapshot& by) = 0;
  // `holder` has taken the lock for the first time. Called on any thread.
  virtual void OnLockTaken(const SessionSnapshot& holder) = 0;
  // The lock was taken away from `holder`, because `waiter` was waiting for it.
  virtual void OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) = 0;
};

struct LaneUsage {
  size_t sessions = 0;
  size_t sessions_open = 0;  // those of them that have opened the probe
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
  using MemberPtr = std::shared_ptr<LaneMember>;

  // Does nothing until Start. From then on, what happens on the wire is counted in `context.metrics`.
  static std::shared_ptr<Lane> Make(std::unique_ptr<Probe> probe, const LaneContext& context);

  // To be called once, before anything else. kInternal if no thread can be started for the probe; the lane is then
  // unusable.
  absl::Status Start();

  // A lane that was started must have been stopped.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  const ProbeInfo& probe_info() const { return info_; }
  ProbeMetrics& metrics() const { return *metrics_; }

  // A new session, or the error with which the lane has ended. `on_end` is called at most once, with the reason, if the
  // session is not ended by its owner: kProbeDisconnected if the probe is gone or the server stops.
  absl::StatusOr<std::shared_ptr<Session>> OpenSession(SessionId id, SessionOwner owner, Session::EndCallback on_end);

  LaneUsage usage() const;

  // How long the thread has been busy with what it took last from the queue; 0 while it waits for work.
  std::chrono::milliseconds BusyFor() const;

  // Makes the thread check soon whether the probe is still present.
  void CheckPresence();

  // Ends every session with `why`; their cause is kServerStopped, unless the probe was lost before. Lets the packet on
  // the wire finish, answers all commands with `why`, and gives back everything that the sessions have, as far as that
  // is possible within kLongestFarewell. Leaves the probe disconnected and closed. Blocks until the thread has ended,
  // so it must not be called from a callback. Calling it again does nothing.
  void Stop(const absl::Status& why);

  // --- For Session, which passes the member that OpenSession gave it, and describes these functions.
  void Submit(const MemberPtr& member, v1::StreamRequest request, ReplyCallback done, AbandonedCheck abandoned);
  void Leave(const MemberPtr& member);
  void End(const MemberPtr& member, const SessionEnd& end);
  SessionSnapshot Snapshot(const LaneMember& member) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Work;  // what the thread has to do next

  Lane(std::unique_ptr<Probe> probe, const LaneContext& context);

  SessionSnapshot SnapshotLocked(const LaneMember& member) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends all sessions, and from now on opens no more. Returns false, and does nothing, if that has been done before.
  bool EndAll(const SessionEnd& end);
  // Answers the commands that `member` leaves with the reason for its end, then calls its end callback. Called without
  // the mutex.
  void TellEnd(const LaneMember& member, LaneMember::Leftovers told) const;

  // The thread's own steps, without the mutex.
  void Run();
  // Waits until there is something to do, but no longer than `until`.
  Work WaitForWork(Clock::time_point until);
  void TakeWork(Work& work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Answers what was carried out, then tells the sessions that were ended meanwhile.
  void AnswerBatch(Batch& batch);
  void NoteExecuted(Batch& batch, Clock::time_point now);
  void TellResets(const Batch& batch);

  LaneEvents& events_;
  const LaneOptions options_;
  const std::shared_ptr<ProbeMetrics> metrics_;
  const CommandAnswers answers_;

  // The thread's own, from its start to its end.
  ProbeReports reports_;
  SharedProbe shared_;
  BatchRunner runner_;
  bool usage_changed_ = false;  // since OnUsageChanged was last called

  const ProbeInfo info_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;              // the thread is to end
  std::optional<absl::Status> ended_ ABSL_GUARDED_BY(mutex_);  // why no session can be opened any more
  std::list<MemberPtr> members_ ABSL_GUARDED_BY(mutex_);       // until their farewell
  LaneQueue queue_ ABSL_GUARDED_BY(mutex_);
  bool check_now_ ABSL_GUARDED_BY(mutex_) = false;  // CheckPresence was called

  std::atomic<Clock::time_point> busy_since_ = Clock::time_point::max();  // max(): the thread waits for work

  std::thread thread_;
};

}  // namespace probegate
