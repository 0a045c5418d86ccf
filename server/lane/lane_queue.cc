#include "server/lane/lane_queue.h"

#include <algorithm>
#include <utility>

#include "probe/error.h"
#include "probe/interrupt.h"
#include "server/metrics/probe_metrics.h"

namespace probegate {
namespace {

// How many commands one session, or one client of several, may have in a batch, so that those with many do not keep the
// others out of it.
constexpr size_t kCommandsPerTurn = 64;

bool LocksOrUnlocks(const LaneCommand& command) {
  return command.Is(CommandKind::kLock) || command.Is(CommandKind::kUnlock);
}

}  // namespace

// --- What sessions do

LaneQueue::Submitted LaneQueue::Submit(const MemberPtr& member, std::vector<LaneCommand>& commands, TimePoint now) {
  member->NoteActive(now);
  if (commands.size() == 1 && LockNow(*member, commands.front(), now)) {
    member->CountCommand();
    // After an unlock, sessions that waited for the lock can continue.
    return {.locked_now = true, .wake = !locked() && !lines_.empty()};
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
  if (!has_lock && (locked() || !lines_.empty())) return false;
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
  if (lock_.holder == member.get()) FreeLock(now);
  if (planned_.holder == member.get()) planned_ = {};
  MakeReady(member);
}

void LaneQueue::MakeReady(const MemberPtr& member, bool first) {
  if (member->place.is_ready || member->on_wire()) return;
  member->place.is_ready = true;
  const std::string& client = member->snapshot().client_key;
  auto found = by_client_.find(client);
  if (found == by_client_.end()) {
    const auto line = lines_.insert(lines_.end(), Line{.client = client});
    found = by_client_.emplace(line->client, line).first;
  }
  Line& line = *found->second;
  line.members.insert(first ? line.members.begin() : line.members.end(), member);
  if (first) lines_.splice(lines_.begin(), lines_, found->second);
  const LaneMember* holder = lock().holder;
  const bool holder_apart = holder != nullptr && !holder->place.is_ready && holder->snapshot().client_key == client;
  member->place.sharers = line.members.size() + (holder_apart ? 1 : 0);
}

// --- What the lane's thread does

Batch LaneQueue::Take(size_t slice) {
  Batch batch;
  planned_ = lock_;
  transfers_ = 0;
  const Limits limits = LimitsOf(slice);
  while (const std::optional<Turn> turn = NextTurn(limits)) {
    const MemberPtr member = *turn->member;
    // What needs a batch of its own keeps its place in the line for the next one.
    if (!batch.empty() && (!member->is_open() || member->front().RunsAlone())) break;
    commands_out_ = true;  // from here on, lock() is the planned one
    const bool goes_on = TakeFrom(member, *turn->line, limits, batch);
    EndTurn(*turn);
    if (!goes_on) break;
  }
  commands_out_ = !batch.empty() && !batch.front().farewell;
  return batch;
}

LaneQueue::Limits LaneQueue::LimitsOf(size_t slice) {
  size_t clients = 0;
  size_t most_sessions = 1;
  for (Line& line : lines_) {
    line.commands = line.transfers = 0;
    const auto can_go_on = std::count_if(line.members.begin(), line.members.end(),
                                         [this](const MemberPtr& member) { return !WaitsForLock(*member); });
    clients += can_go_on > 0 ? 1 : 0;
    most_sessions = std::max(most_sessions, static_cast<size_t>(can_go_on));
  }
  if (clients <= 1) return {slice, SIZE_MAX, SIZE_MAX, kCommandsPerTurn};
  return {slice, std::max<size_t>(slice / clients, 1), kCommandsPerTurn,
          std::max<size_t>(kCommandsPerTurn / most_sessions, 1)};
}

std::optional<LaneQueue::Turn> LaneQueue::NextTurn(const Limits& limits) {
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    if (line->commands >= limits.commands_per_client || line->transfers >= limits.transfers_per_client) continue;
    const auto member = std::find_if(line->members.begin(), line->members.end(),
                                     [this](const MemberPtr& candidate) { return !WaitsForLock(*candidate); });
    if (member != line->members.end()) return Turn{line, member};
  }
  return std::nullopt;
}

void LaneQueue::EndTurn(const Turn& turn) {
  (*turn.member)->place.is_ready = false;
  turn.line->members.erase(turn.member);
  if (turn.line->members.empty()) {
    by_client_.erase(turn.line->client);
    lines_.erase(turn.line);
  } else {
    lines_.splice(lines_.end(), lines_, turn.line);
  }
}

bool LaneQueue::TakeFrom(const MemberPtr& member, Line& line, const Limits& limits, Batch& batch) {
  if (!member->is_open()) {
    batch.push_back({.member = member, .farewell = true});
    return false;
  }
  const size_t commands = std::min(limits.commands_per_turn, limits.commands_per_client - line.commands);
  for (size_t taken = 0; taken < commands && !member->commands().empty() && !WaitsForLock(*member); ++taken) {
    LaneCommand& head = member->front();
    if (head.refused.ok() && head.IsAbandoned()) head.GiveUp();
    const bool alone = head.RunsAlone();
    if (alone && !batch.empty()) return false;
    const bool unlocks = head.Is(CommandKind::kUnlock);
    BatchItem& item = batch.emplace_back();
    item.member = member;
    if (LocksOrUnlocks(head)) item.status = PlanLock(*member, head);
    item.transfers = head.job ? head.job->transfers_left() : 0;
    ++line.commands;
    line.transfers += item.transfers;
    transfers_ += item.transfers;
    item.command = member->TakeFront();
    // The command may not finish in this batch, so no later one of its session, such as an unlock, may run in it.
    if (alone || transfers_ >= limits.transfers) return false;
    if (line.transfers >= limits.transfers_per_client) return true;
    // Clients send an unlock together with their next lock: sessions that wait for the lock have their turn in between.
    if (unlocks && !locked() && (lines_.size() > 1 || line.members.size() > 1)) return true;
  }
  return true;
}

void LaneQueue::Executed(Batch& batch, TimePoint now) {
  std::vector<MemberPtr> cut;  // the sessions whose turn is over although they got nothing done
  for (size_t i = 0; i < batch.size(); ++i) {
    BatchItem& item = batch[i];
    if (!item.farewell && !item.unfinished && LocksOrUnlocks(item.command)) CommitLock(item, now);
    item.member->place.forgiven_in_batch = 0;
    const bool first_of_turn = i == 0 || batch[i - 1].member != item.member;
    const bool begun = item.command.job && item.command.job->transfers_left() < item.transfers;
    if (item.unfinished && first_of_turn && !begun) cut.push_back(item.member);
  }
  planned_ = lock_;
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
    } else if (!member.is_open() && (item->unfinished || IsInterrupted(item->status))) {
      item->status = member.end()->why;
    }
  }
  for (auto member = cut.rbegin(); member != cut.rend(); ++member) {
    if (!(*member)->commands().empty()) MakeReady(*member, true);
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
  if (!locked() || Holds(member)) return false;
  // A farewell uses the wire, too.
  if (!member.is_open()) return true;
  return !member.commands().empty() && member.commands().front().WaitsForLock();
}

const LaneMember* LaneQueue::FirstWaiter() const {
  for (const Line& line : lines_) {
    for (const MemberPtr& member : line.members) {
      if (WaitsForLock(*member)) return member.get();
    }
  }
  return nullptr;
}

absl::Status LaneQueue::PlanLock(LaneMember& member, const LaneCommand& command) {
  if (command.Is(CommandKind::kLock)) {
    if (planned_.holder == nullptr) {
      planned_ = {.holder = &member};
      member.place.forgiven_in_batch = member.place.forgiven_unlocks;
    }
    ++planned_.depth;
    return absl::OkStatus();
  }
  if (planned_.holder == &member) {
    if (--planned_.depth == 0) planned_ = {};
    return absl::OkStatus();
  }
  if (member.place.forgiven_in_batch < member.place.forgiven_unlocks) {
    ++member.place.forgiven_in_batch;
    return absl::OkStatus();
  }
  return MakeError(ErrorKind::kInvalidArgument, "unlock without a lock");
}

void LaneQueue::CommitLock(BatchItem& item, TimePoint now) {
  // A session that has ended meanwhile has given back its lock, and takes none.
  if (!item.member->is_open() || !item.status.ok()) return;
  if (item.command.Is(CommandKind::kLock)) {
    TakeLock(*item.member, now);
  } else {
    item.status = ReleaseLock(*item.member, now);
  }
}

void LaneQueue::TakeLock(LaneMember& member, TimePoint now) {
  if (lock_.holder == nullptr) {
    lock_.holder = &member;
    locked_at_ = now;
    member.place.forgiven_unlocks = 0;
    member.CountLock();
    metrics_.OnLockTaken();
  }
  ++lock_.depth;
}

absl::Status LaneQueue::ReleaseLock(LaneMember& member, TimePoint now) {
  if (lock_.holder == &member) {
    if (--lock_.depth == 0) FreeLock(now);
    return absl::OkStatus();
  }
  if (member.place.forgiven_unlocks > 0) {
    --member.place.forgiven_unlocks;
    return absl::OkStatus();
  }
  return MakeError(ErrorKind::kInvalidArgument, "unlock without a lock");
}

void LaneQueue::FreeLock(TimePoint now) {
  lock_ = {};
  // A caller may have read its clock before it had to wait for the lane's mutex.
  metrics_.OnLockFree(std::max(now - locked_at_, TimePoint::duration::zero()));
}

LaneQueue::TimePoint::duration LaneQueue::HolderShare() const {
  size_t sharers = 1;
  const auto line = by_client_.find(lock().holder->snapshot().client_key);
  if (line != by_client_.end()) {
    size_t waiting = 0;
    for (const MemberPtr& member : line->second->members) {
      if (!WaitsForLock(*member)) continue;
      ++waiting;
      sharers = std::max(sharers, member->place.sharers);
    }
    sharers = std::max(sharers, waiting + 1);
  }
  const auto& own = lock().holder->snapshot().lock_max;
  return (own ? TimePoint::duration(*own) : TimePoint::duration(bounds_.max)) / sharers;
}

std::optional<LaneQueue::TimePoint> LaneQueue::LockDeadline() const {
  const LaneMember* holder = lock().holder;
  if (holder == nullptr || FirstWaiter() == nullptr) return std::nullopt;
  const TimePoint longest = locked_at_ + HolderShare();
  if (holder->on_wire() || !holder->commands().empty()) return longest;
  return std::min(longest, holder->last_active() + bounds_.idle);
}

std::optional<LaneQueue::BrokenLock> LaneQueue::BreakLock(TimePoint now) {
  const std::optional<TimePoint> deadline = LockDeadline();
  if (!deadline || now < *deadline) return std::nullopt;
  const BrokenLock broken{.holder = lock_.holder, .waiter = FirstWaiter()};
  lock_.holder->place.forgiven_unlocks = lock_.depth;
  metrics_.OnLockBroken();
  FreeLock(now);
  return broken;
}

}  // namespace probegate
