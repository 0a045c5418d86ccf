// Decides which session's turn it is on a probe, and which one holds its lock.
//
// Sessions that have commands stand in line, and take turns: round robin over the clients
// (SessionSnapshot::client_key), and over the sessions of each client. So a client with many sessions has no more turns
// than one with a single session. What the sessions have ready is sent to the probe together, as one batch, up to the
// length of a slice; each session is in it once. If several clients can go on, each has an equal share of the slice,
// and kCommandsPerTurn commands for all its sessions. While one session holds the lock, others that need the wire keep
// their places but have no turn. Between a session's unlock and its next lock, a session that waits for the lock has
// its turn.
//
// Locks nest. A session that keeps the lock for longer than LockBounds while another waits for it loses it. Its client
// is not told: each unlock that is still to come is answered with OK. The time that a client may keep the lock is
// shared among those of its sessions that are in line or hold it: while another waits, each keeps it for
// LockBounds::max divided by their number. That number is counted when a session comes into the line, and holds until
// it has its turn, so that it waits no longer if those before it leave.
//
// A batch may be cut: what has not been carried out when its time is over is put back, in order, and the sessions that
// got nothing done are first in line again. A lock or an unlock takes effect when its batch has been carried out; until
// then, the queue only plans with it.
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
#include <string>
#include <string_view>
#include <unordered_map>
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
  std::chrono::milliseconds max;   // after it has been held for this long, divided among the sessions of its client
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

  // What can be carried out now, about `slice` transfers; empty if nothing can.
  Batch Take(size_t slice);
  // `batch` was carried out: sets the fate of each item, takes and gives back locks in their turn, and puts back
  // unfinished commands.
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

  // While a batch is being carried out, as if it already had been.
  bool locked() const { return lock().holder != nullptr; }
  bool Holds(const LaneMember& member) const { return lock().holder == &member; }
  // Whether `member` cannot go on because another session holds the lock.
  bool WaitsForLock(const LaneMember& member) const;

 private:
  struct Lock {
    LaneMember* holder = nullptr;
    uint32_t depth = 0;
  };
  // The sessions of one client that are in line.
  struct Line {
    std::string client;
    std::list<MemberPtr> members;
    // What it has in the batch that is being put together.
    size_t commands = 0;
    size_t transfers = 0;
  };
  using Lines = std::list<Line>;
  // What may be in a batch.
  struct Limits {
    size_t transfers;             // in all
    size_t transfers_per_client;  // for each, together with the command that exceeds it
    size_t commands_per_client;
    size_t commands_per_turn;  // of the client whose turn it is
  };
  struct Turn {
    Lines::iterator line;
    std::list<MemberPtr>::iterator member;
  };

  const Lock& lock() const { return commands_out_ ? planned_ : lock_; }
  Limits LimitsOf(size_t slice);
  std::optional<Turn> NextTurn(const Limits& limits);
  // The client whose turn it was goes to the end of the line, and the session leaves it.
  void EndTurn(const Turn& turn);
  // Takes as many commands as possible from the front of one session's queue. False if the batch must not grow further.
  bool TakeFrom(const MemberPtr& member, Line& line, const Limits& limits, Batch& batch);
  // Plans with the lock or unlock `command`; returns how an unlock ends.
  absl::Status PlanLock(LaneMember& member, const LaneCommand& command);
  // A lock or an unlock was carried out.
  void CommitLock(BatchItem& item, TimePoint now);
  bool LockNow(LaneMember& member, const LaneCommand& command, TimePoint now);
  // Puts `member` in line, at the end; or, if its turn was cut before it had begun, at the front.
  void MakeReady(const MemberPtr& member, bool first = false);
  void QueueFarewell(const MemberPtr& member, TimePoint now);
  const LaneMember* FirstWaiter() const;
  // How long the lock's holder may keep it.
  TimePoint::duration HolderShare() const;
  void TakeLock(LaneMember& member, TimePoint now);
  absl::Status ReleaseLock(LaneMember& member, TimePoint now);
  void FreeLock(TimePoint now);

  const LockBounds bounds_;
  ProbeMetrics& metrics_;

  // The clients that have sessions in line, in the order of their turns. None is empty.
  Lines lines_;
  std::unordered_map<std::string_view, Lines::iterator> by_client_;  // the keys are those of lines_
  bool commands_out_ = false;                                        // from Take to Answered of a batch with commands
  Lock lock_;
  TimePoint locked_at_;
  Lock planned_;          // what lock_ will be once the batch has been carried out
  size_t transfers_ = 0;  // in the batch that is being put together
};

}  // namespace probegate
