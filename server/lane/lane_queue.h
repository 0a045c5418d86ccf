// Decides which session's turn it is on a probe, and which one holds its lock.
//
// Sessions that have commands stand in line, in the order in which they came. Each has one turn, and goes to the end of
// the line if it has more commands. What the sessions have ready is sent to the probe together, as one batch, up to the
// length of a slice (kSliceTransfers). While one session holds the lock, others that need the wire keep their places
// but have no turn. Between a session's unlock and its next lock, a session that waits for the lock has its turn.
//
// Locks nest. A session that keeps the lock for longer than LockBounds while another waits for it loses it. Its client
// is not told: each unlock that is still to come is answered with OK.
//
// A session that ends frees its lock, and then has one more turn: a farewell, which is a batch of its own, because
// giving back what the session has may take a long time.
//
// Starts no thread and never blocks; the caller passes the time. There is one batch at a time: Take, Executed,
// Answered. Threads: one at a time; the lane's mutex guards it and its LaneMembers. It calls a command's
// AbandonedCheck, with that mutex held, and no other callback.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/lane/lane_batch.h"
#include "server/lane/lane_command.h"
#include "server/lane/lane_member.h"
#include "server/sharing/session_end.h"

namespace probegate {

class ProbeMetrics;

// When a lock is taken away, if another session waits for it.
struct LockBounds {
  std::chrono::milliseconds idle;  // after its holder has sent nothing, and had no command in the lane, for this long
  std::chrono::milliseconds max;   // after it has been held for this long
};

class LaneQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using MemberPtr = std::shared_ptr<LaneMember>;

  // Locks are counted in `metrics`, which must outlive this.
  LaneQueue(const LockBounds& bounds, ProbeMetrics& metrics) : bounds_(bounds), metrics_(metrics) {}
  LaneQueue(const LaneQueue&) = delete;
  LaneQueue& operator=(const LaneQueue&) = delete;

  // --- What sessions do

  struct Submitted {
    bool locked_now = false;  // it was a lock or an unlock, and has been carried out: the caller answers it
    bool wake = true;         // there may be something to take
  };
  // Queues `commands` of a session that is open. A single lock or unlock is carried out at once if it is the session's
  // turn and no batch is being carried out; so clients that lock and unlock around each access wake no thread. The
  // command then stays in `commands`.
  Submitted Submit(const MemberPtr& member, std::vector<LaneCommand>& commands, TimePoint now);

  // As the functions of LaneMember, but they also free the lock. For End, the session must be open.
  LaneMember::Leftovers Leave(const MemberPtr& member, TimePoint now);
  std::optional<LaneMember::Leftovers> End(const MemberPtr& member, const SessionEnd& end, TimePoint now);

  // --- What the lane's thread does

  // What can be carried out now; empty if nothing can. Locks are taken and given back here, in their turn.
  Batch Take(TimePoint now);
  // `batch` was carried out: sets the fate of each item, and puts back unfinished commands.
  void Executed(Batch& batch, TimePoint now);
  // `batch` has been answered. Returns the sessions that were ended meanwhile, and what they are to be told now.
  std::vector<std::pair<MemberPtr, LaneMember::Leftovers>> Answered(const Batch& batch);

  // --- The lock

  struct BrokenLock {
    const LaneMember* holder;  // the session that lost it; it stays in the lane
    const LaneMember* waiter;  // the first session that waits for it
  };
  // Takes the lock away if that is due.
  std::optional<BrokenLock> BreakLock(TimePoint now);
  // When BreakLock is due; nothing while no session waits for the lock.
  std::optional<TimePoint> LockDeadline() const;

  bool locked() const { return holder_ != nullptr; }
  bool Holds(const LaneMember& member) const { return holder_ == &member; }
  // Whether `member` cannot go on because another session holds the lock.
  bool WaitsForLock(const LaneMember& member) const;

 private:
  // Takes as many commands as possible from the front of one session's queue. False if the batch must not grow further.
  bool TakeFrom(const MemberPtr& member, Batch& batch, size_t& transfers, TimePoint now);
  bool LockNow(LaneMember& member, const LaneCommand& command, TimePoint now);
  void MakeReady(const MemberPtr& member);
  void QueueFarewell(const MemberPtr& member, TimePoint now);
  const LaneMember* FirstWaiter() const;
  void TakeLock(LaneMember& member, TimePoint now);
  absl::Status ReleaseLock(LaneMember& member, TimePoint now);
  void FreeLock(TimePoint now);

  const LockBounds bounds_;
  ProbeMetrics& metrics_;

  std::list<MemberPtr> ready_;  // the line
  bool commands_out_ = false;   // from Take to Answered of a batch with commands
  LaneMember* holder_ = nullptr;
  uint32_t lock_depth_ = 0;
  TimePoint locked_at_;
};

}  // namespace probegate
