#include "server/lane/lane_queue.h"

#include <algorithm>
#include <utility>

#include "probe/error.h"
#include "server/metrics/probe_metrics.h"

namespace probegate {
namespace {

// How many commands one session may have in a batch, so that a session with many does not keep the others out of it.
constexpr size_t kCommandsPerTurn = 64;

}  // namespace

// --- What sessions do

LaneQueue::Submitted LaneQueue::Submit(const MemberPtr& member, std::vector<LaneCommand>& commands, TimePoint now) {
  member->NoteActive(now);
  if (commands.size() == 1 && LockNow(*member, commands.front(), now)) {
    member->CountCommand();
    // After an unlock, sessions that waited for the lock can continue.
    return {.locked_now = true, .wake = holder_ == nullptr && !ready_.empty()};
  }
  member->Add(commands);
  MakeReady(member);
  return {};
}

bool LaneQueue::LockNow(LaneMember& member, const LaneCommand& command, TimePoint now) {
  const bool locks = command.Is(CommandKind::kLock);
  if ((!locks && !command.Is(CommandKind::kUnlock)) || !member.commands().empty()) return false;
  if (commands_out_ || command.IsAbandoned()) return false;
  const bool has_lock = Holds(member);
  if (!locks) return has_lock && ReleaseLock(member, now).ok();
  if (!has_lock && (locked() || !ready_.empty())) return false;
  TakeLock(member, now);
  return true;
}

LaneMember::Leftovers LaneQueue::Leave(const MemberPtr& member, TimePoint now) {
  const bool was_open = member->is_open();
  LaneMember::Leftovers dropped = member->Leave();
  if (was_open) QueueFarewell(member, now);
  return dropped;
}

std::optional<LaneMember::Leftovers> LaneQueue::End(const MemberPtr& member, const SessionEnd& end, TimePoint now) {
  std::optional<LaneMember::Leftovers> told = member->End(end);
  QueueFarewell(member, now);
  return told;
}

// `member` is no longer open: its farewell is due, in its turn.
void LaneQueue::QueueFarewell(const MemberPtr& member, TimePoint now) {
  if (Holds(*member)) FreeLock(now);
  MakeReady(member);
}

void LaneQueue::MakeReady(const MemberPtr& member) {
  if (member->place.is_ready || member->on_wire()) return;
  member->place.is_ready = true;
  ready_.push_back(member);
}

// --- What the lane's thread does

Batch LaneQueue::Take(TimePoint now) {
  Batch batch;
  size_t transfers = 0;
  // Each session that is ready now has one turn; those that have more commands after it go to the end.
  size_t turns = ready_.size();
  for (auto it = ready_.begin(); turns > 0; --turns) {
    const MemberPtr member = *it;
    if (WaitsForLock(*member)) {
      ++it;
      continue;
    }
    // What needs a batch of its own keeps its place in the line for the next one.
    if (!batch.empty() && (!member->is_open() || member->front().RunsAlone())) break;
    const bool goes_on = TakeFrom(member, batch, transfers, now);
    it = ready_.erase(it);
    member->place.is_ready = false;
    // A session with a command on the wire comes back in Executed.
    if (!member->commands().empty()) MakeReady(member);
    if (!goes_on) break;
  }
  commands_out_ = !batch.empty() && !batch.front().farewell;
  return batch;
}

bool LaneQueue::TakeFrom(const MemberPtr& member, Batch& batch, size_t& transfers, TimePoint now) {
  if (!member->is_open()) {
    batch.push_back({.member = member, .farewell = true});
    return false;
  }
  for (size_t taken = 0; taken < kCommandsPerTurn && !member->commands().empty() && !WaitsForLock(*member); ++taken) {
    LaneCommand& head = member->front();
    if (head.refused.ok() && head.IsAbandoned()) head.GiveUp();
    const bool alone = head.RunsAlone();
    if (alone && !batch.empty()) return false;
    const bool unlocks = head.Is(CommandKind::kUnlock);
    BatchItem& item = batch.emplace_back();
    item.member = member;
    if (head.Is(CommandKind::kLock)) TakeLock(*member, now);
    if (unlocks) item.status = ReleaseLock(*member, now);
    if (head.job) transfers += head.job->transfers_left();
    item.command = member->TakeFront();
    // The command may not finish in this batch, so no later one of its session, such as an unlock, may run in it.
    if (alone || transfers >= kSliceTransfers) return false;
    // Clients send an unlock together with their next lock: sessions that wait for the lock have their turn in between.
    if (unlocks && !locked() && ready_.size() > 1) return true;
  }
  return true;
}

void LaneQueue::Executed(Batch& batch, TimePoint now) {
  // From the last to the first, so that the commands that are put back keep their order.
  for (auto item = batch.rbegin(); item != batch.rend(); ++item) {
    if (item->farewell) continue;
    LaneMember& member = *item->member;
    member.Executed(now);
    if (!item->unfinished) member.CountCommand();
    if (member.has_left()) {
      item->fate = BatchItem::Fate::kDropped;
    } else if (item->unfinished && member.is_open()) {
      item->fate = BatchItem::Fate::kGoesOn;
      item->command.scope.Wait(now);
      member.PutBack(std::move(item->command));
    } else if (item->unfinished) {
      item->status = member.end()->why;
    }
  }
  for (const BatchItem& item : batch) {
    if (!item.farewell && (!item.member->is_open() || !item.member->commands().empty())) MakeReady(item.member);
  }
}

std::vector<std::pair<LaneQueue::MemberPtr, LaneMember::Leftovers>> LaneQueue::Answered(const Batch& batch) {
  commands_out_ = false;
  std::vector<std::pair<MemberPtr, LaneMember::Leftovers>> ended;
  for (const BatchItem& item : batch) {
    if (auto told = item.member->Answered()) ended.emplace_back(item.member, *std::move(told));
  }
  return ended;
}

// --- The lock

bool LaneQueue::WaitsForLock(const LaneMember& member) const {
  if (holder_ == nullptr || Holds(member)) return false;
  // A farewell uses the wire, too.
  if (!member.is_open()) return true;
  return !member.commands().empty() && member.commands().front().WaitsForLock();
}

const LaneMember* LaneQueue::FirstWaiter() const {
  const auto found =
      std::find_if(ready_.begin(), ready_.end(), [this](const MemberPtr& member) { return WaitsForLock(*member); });
  return found == ready_.end() ? nullptr : found->get();
}

void LaneQueue::TakeLock(LaneMember& member, TimePoint now) {
  if (holder_ == nullptr) {
    holder_ = &member;
    locked_at_ = now;
    member.place.forgiven_unlocks = 0;
    metrics_.OnLockTaken();
  }
  ++lock_depth_;
}

absl::Status LaneQueue::ReleaseLock(LaneMember& member, TimePoint now) {
  if (Holds(member)) {
    if (--lock_depth_ == 0) FreeLock(now);
    return absl::OkStatus();
  }
  if (member.place.forgiven_unlocks > 0) {
    --member.place.forgiven_unlocks;
    return absl::OkStatus();
  }
  return MakeError(ErrorKind::kInvalidArgument, "unlock without a lock");
}

void LaneQueue::FreeLock(TimePoint now) {
  holder_ = nullptr;
  lock_depth_ = 0;
  // A caller may have read its clock before it had to wait for the lane's mutex.
  metrics_.OnLockFree(std::max(now - locked_at_, TimePoint::duration::zero()));
}

std::optional<LaneQueue::TimePoint> LaneQueue::LockDeadline() const {
  if (holder_ == nullptr || FirstWaiter() == nullptr) return std::nullopt;
  const TimePoint longest = locked_at_ + bounds_.max;
  if (holder_->on_wire() || !holder_->commands().empty()) return longest;
  return std::min(longest, holder_->last_active() + bounds_.idle);
}

std::optional<LaneQueue::BrokenLock> LaneQueue::BreakLock(TimePoint now) {
  const std::optional<TimePoint> deadline = LockDeadline();
  if (!deadline || now < *deadline) return std::nullopt;
  const BrokenLock broken{.holder = holder_, .waiter = FirstWaiter()};
  holder_->place.forgiven_unlocks = lock_depth_;
  metrics_.OnLockBroken();
  FreeLock(now);
  return broken;
}

}  // namespace probegate
