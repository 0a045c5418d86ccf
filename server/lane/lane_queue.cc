// The lane's queue: whose turn it is, and the lock. All under the lane's mutex.
#include <algorithm>
#include <utility>

#include "probe/error.h"
#include "server/lane/lane.h"
#include "server/lane/lane_member.h"
#include "server/metrics/probe_metrics.h"

namespace probegate {
namespace {

// How many commands one session may have in a batch, so that one that floods does not keep the others out of it.
constexpr size_t kCommandsPerTurn = 64;

}  // namespace

void Lane::MakeReady(const MemberPtr& member) {
  if (member->is_ready || member->executing) return;
  member->is_ready = true;
  ready_.push_back(member);
}

bool Lane::IsBlocked(const LaneMember& member) const {
  if (holder_ == nullptr || holder_ == &member) return false;
  // A session that is gone gives back what touches the wire only in its turn, too.
  if (member.gone()) return true;
  return !member.queue.empty() && member.queue.front().waits_for_lock();
}

const LaneMember* Lane::FirstBlocked() const {
  for (const MemberPtr& member : ready_) {
    if (IsBlocked(*member)) return member.get();
  }
  return nullptr;
}

void Lane::TakeLock(LaneMember& member) {
  if (holder_ == nullptr) {
    holder_ = &member;
    locked_at_ = Clock::now();
    member.forgiven_unlocks = 0;
    metrics_->OnLockTaken();
  }
  ++lock_depth_;
}

void Lane::FreeLock() {
  holder_ = nullptr;
  lock_depth_ = 0;
  metrics_->OnLockFree(Clock::now() - locked_at_);
}

absl::Status Lane::ReleaseLock(LaneMember& member) {
  if (holder_ == &member) {
    if (--lock_depth_ == 0) FreeLock();
    return absl::OkStatus();
  }
  if (member.forgiven_unlocks > 0) {
    --member.forgiven_unlocks;
    return absl::OkStatus();
  }
  return MakeError(ErrorKind::kInvalidArgument, "unlock without a lock");
}

bool Lane::LockNow(LaneMember& member, const PendingCommand& command) {
  if (!command.refused.ok() || command.row == nullptr || !member.queue.empty()) return false;
  if (command.abandoned && command.abandoned()) return false;
  const auto is_busy = [](const MemberPtr& other) { return other->executing || other->answering; };
  if (std::any_of(members_.begin(), members_.end(), is_busy)) return false;
  const bool has_lock = holder_ == &member;
  if (command.row->kind == CommandKind::kLock && (has_lock || (holder_ == nullptr && ready_.empty()))) {
    TakeLock(member);
    return true;
  }
  return command.row->kind == CommandKind::kUnlock && has_lock && ReleaseLock(member).ok();
}

std::optional<Lane::Clock::time_point> Lane::LockDeadline() const {
  if (holder_ == nullptr || FirstBlocked() == nullptr) return std::nullopt;
  const Clock::time_point longest = locked_at_ + options_.lock_max;
  if (holder_->executing || !holder_->queue.empty()) return longest;
  return std::min(longest, holder_->last_active + options_.lock_idle);
}

void Lane::BreakLock() {
  broken_.emplace_back(SnapshotLocked(*holder_), SnapshotLocked(*FirstBlocked()));
  holder_->forgiven_unlocks = lock_depth_;
  metrics_->OnLockBroken();
  FreeLock();
}

Lane::Batch Lane::NextBatch() {
  if (const auto deadline = LockDeadline(); deadline && Clock::now() >= *deadline) BreakLock();
  Batch batch;
  size_t transfers = 0;
  // Each session that is ready now has one turn; those that take it and have more go to the end.
  size_t turns = ready_.size();
  for (auto it = ready_.begin(); turns > 0; --turns) {
    const MemberPtr member = *it;
    if (IsBlocked(*member)) {
      ++it;
      continue;
    }
    // A farewell may take long, so it is a batch of its own.
    if (member->gone() && !batch.empty()) break;
    const bool goes_on = TakeFrom(member, batch, transfers);
    it = ready_.erase(it);
    member->is_ready = false;
    // What is executing comes back to the queue's end in Answer.
    if (!member->executing && !member->queue.empty()) MakeReady(member);
    if (!goes_on) break;
  }
  return batch;
}

bool Lane::TakeFrom(const MemberPtr& member, Batch& batch, size_t& transfers) {
  if (member->gone()) {
    batch.push_back({.member = member, .farewell = true});
    return false;
  }
  for (size_t taken = 0; taken < kCommandsPerTurn && !member->queue.empty() && !IsBlocked(*member); ++taken) {
    PendingCommand& head = member->queue.front();
    if (head.refused.ok() && head.abandoned && head.abandoned()) {
      head.refused = absl::CancelledError("the call was given up before its turn came");
      head.job.reset();
    }
    const bool alone =
        head.refused.ok() && head.row->run != nullptr && !head.job && head.row->kind == CommandKind::kWire;
    if (alone && !batch.empty()) return false;
    Item item{.member = member};
    if (head.refused.ok() && head.row->kind == CommandKind::kLock) TakeLock(*member);
    const bool unlocks = head.refused.ok() && head.row->kind == CommandKind::kUnlock;
    if (unlocks) item.status = ReleaseLock(*member);
    if (head.job) transfers += head.job->transfers_left();
    item.command = std::move(head);
    member->queue.pop_front();
    member->executing = true;
    batch.push_back(std::move(item));
    // Behind what may not finish in this batch nothing else may run: an unlock, say.
    if (alone || transfers >= kSliceTransfers) return false;
    // Clients send an unlock along with their next lock: who waits for it comes in between.
    if (unlocks && holder_ == nullptr && ready_.size() > 1) return true;
  }
  return true;
}

}  // namespace probegate
