#include "server/lane/lane.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/start_thread.h"
#include "probe/error.h"
#include "server/lane/lane_command.h"
#include "server/lane/probe_polls.h"
#include "server/metrics/probe_metrics.h"

namespace probegate {

struct Lane::Work {
  Batch batch;
  std::vector<std::pair<SessionSnapshot, SessionSnapshot>> broken_locks;  // holder and waiter, for OnLockBroken
  Clock::time_point now;                                                  // when the batch was taken
  bool check_now = false;                                                 // CheckPresence was called
  bool ended = false;                                                     // the lane has ended: nothing is polled
  bool stop = false;                                                      // the thread is to end
};

std::shared_ptr<Lane> Lane::Make(std::unique_ptr<Probe> probe, const LaneContext& context) {
  return std::shared_ptr<Lane>(new Lane(std::move(probe), context));
}

absl::Status Lane::Start() {
  // A plain pointer: Stop, which comes before the destructor, joins the thread.
  const absl::Status started = StartThread(thread_, "the probe", [this] { Run(); });
  return started.ok() ? started : MakeError(ErrorKind::kInternal, std::string(started.message()));
}

Lane::Lane(std::unique_ptr<Probe> probe, const LaneContext& context)
    : events_(context.events),
      options_(context.options),
      metrics_(context.metrics),
      answers_(*metrics_, context.log),
      reports_(*metrics_, context.log),
      shared_(
          std::move(probe), [this](std::string_view what) { reports_.OnTargetPower(what); },
          &metrics_->batch_commands(), metrics_->swo_counters(), context.options.clock_min),
      runner_(shared_, metrics_->unique_id(), context.log),
      info_(shared_.info()),
      queue_({.idle = options_.lock_idle, .max = options_.lock_max}, *metrics_) {}

Lane::~Lane() = default;

// --- Called from any thread

absl::StatusOr<std::shared_ptr<Session>> Lane::OpenSession(SessionId id, SessionOwner owner,
                                                           Session::EndCallback on_end) {
  const auto opened_at = std::chrono::system_clock::now();
  auto member = std::make_shared<LaneMember>(SessionSnapshot{.name = id.name(),
                                                             .probe = metrics_->unique_id(),
                                                             .client = std::move(owner.client),
                                                             .peer = std::move(owner.peer),
                                                             .client_key = std::move(owner.key),
                                                             .identity = std::move(owner.identity),
                                                             .proved = owner.proved,
                                                             .lock_max = owner.lock_max,
                                                             .opened_at = opened_at,
                                                             .last_command_at = opened_at},
                                             std::move(on_end), Clock::now());
  {
    MutexLock lock(mutex_);
    if (ended_) return *ended_;
    members_.push_back(member);
  }
  events_.OnUsageChanged(metrics_->unique_id());
  return std::make_shared<Session>(std::move(id), shared_from_this(), std::move(member));
}

void Lane::CheckPresence() {
  MutexLock lock(mutex_);
  check_now_ = true;
  wake_.NotifyAll();
}

LaneUsage Lane::usage() const {
  MutexLock lock(mutex_);
  LaneUsage usage;
  for (const MemberPtr& member : members_) {
    if (!member->is_open()) continue;
    ++usage.sessions;
    if (member->snapshot().has_open) ++usage.sessions_open;
    usage.queued += member->commands().size();
    if (queue_.WaitsForLock(*member)) ++usage.lock_waiters;
  }
  usage.lock_held = queue_.locked();
  return usage;
}

std::chrono::milliseconds Lane::BusyFor() const {
  const Clock::time_point since = busy_since_;
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::max(Clock::now() - since, Clock::duration(0)));
}

SessionSnapshot Lane::Snapshot(const LaneMember& member) const {
  MutexLock lock(mutex_);
  return SnapshotLocked(member);
}

SessionSnapshot Lane::SnapshotLocked(const LaneMember& member) const {
  SessionSnapshot snapshot = member.snapshot();
  snapshot.holds_lock = queue_.Holds(member);
  snapshot.waits_for_lock = queue_.WaitsForLock(member);
  return snapshot;
}

void Lane::Submit(const MemberPtr& member, v1::StreamRequest request, ReplyCallback done, AbandonedCheck abandoned) {
  const Clock::time_point now = Clock::now();
  std::vector<LaneCommand> commands =
      MakeLaneCommands(std::move(request), std::move(done), std::move(abandoned), *metrics_, now);
  LaneQueue::Submitted submitted;
  bool open = false;
  std::optional<SessionSnapshot> first_lock;
  {
    MutexLock lock(mutex_);
    open = member->is_open();
    if (open) submitted = queue_.Submit(member, commands, now);
    if (submitted.locked_now && member->TakeFirstLock()) first_lock = SnapshotLocked(*member);
  }
  if (first_lock) events_.OnLockTaken(*first_lock);
  if (!open) {
    // end() is checked first, even if the owner has left: an owner leaves when it learns of the end, and a command that
    // another of its threads submits just then still waits for an answer.
    for (LaneCommand& command : commands) {
      if (const auto& end = member->end()) {
        answers_.Refuse(member->name(), command, end->why);
      } else {
        answers_.Drop(member->name(), command, now);
      }
    }
    return;
  }
  if (submitted.wake) wake_.NotifyOne();
  if (!submitted.locked_now) return;
  LaneCommand& lock = commands.front();
  lock.scope.Work(now);
  v1::StreamResponse response;
  lock.FillLockResponse(response);
  answers_.Answer(member->name(), lock, absl::OkStatus(), std::move(response), now);
}

void Lane::Leave(const MemberPtr& member) {
  LaneMember::Leftovers dropped;
  {
    MutexLock lock(mutex_);
    if (member->has_left()) return;
    dropped = queue_.Leave(member, Clock::now());
  }
  wake_.NotifyOne();
  for (LaneCommand& command : dropped.commands) answers_.Drop(member->name(), command, Clock::now());
}

void Lane::End(const MemberPtr& member, const SessionEnd& end) {
  std::optional<LaneMember::Leftovers> told;
  {
    MutexLock lock(mutex_);
    if (!member->is_open()) return;
    told = queue_.End(member, end, Clock::now());
  }
  if (!told) return;  // the thread answers what is on the wire, and then calls TellEnd
  wake_.NotifyOne();
  TellEnd(*member, *std::move(told));
}

void Lane::TellEnd(const LaneMember& member, LaneMember::Leftovers told) const {
  const SessionEnd& end = *member.end();
  for (LaneCommand& command : told.commands) answers_.Refuse(member.name(), command, end.why);
  if (told.on_end) told.on_end(end);
}

bool Lane::EndAll(const SessionEnd& end) {
  std::vector<MemberPtr> members;
  {
    MutexLock lock(mutex_);
    if (ended_) return false;
    ended_ = end.why;
    members.assign(members_.begin(), members_.end());
  }
  for (const MemberPtr& member : members) End(member, end);
  return true;
}

void Lane::Stop(const absl::Status& why) {
  shared_.bound().EndBy(Clock::now() + kLongestFarewell);
  EndAll({SessionEndCause::kServerStopped, why});
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

// --- The thread

void Lane::Run() {
  shared_.SetObserver(&reports_);
  ProbePolls polls(shared_, options_.presence_interval, options_.swo_interval, Clock::now());
  for (;;) {
    busy_since_ = Clock::time_point::max();
    Work work = WaitForWork(polls.next());
    busy_since_ = Clock::now();
    for (const auto& [holder, waiter] : work.broken_locks) events_.OnLockBroken(holder, waiter);
    if (std::exchange(usage_changed_, false)) events_.OnUsageChanged(metrics_->unique_id());
    if (work.stop) break;
    absl::Status status;
    if (!work.batch.empty()) {
      status = runner_.Run(work.batch, work.now);
      AnswerBatch(work.batch);
    }
    if (work.ended || !status.ok()) {
      polls.Skip();
    } else {
      status = polls.Poll(work.check_now);
    }
    if (IsError(status, ErrorKind::kProbeDisconnected) && EndAll({SessionEndCause::kProbeGone, status})) {
      events_.OnProbeGone(metrics_->unique_id(), status);
    }
  }
  shared_.Shutdown();
}

Lane::Work Lane::WaitForWork(Clock::time_point until) {
  Work work;
  MutexLock lock(mutex_);
  TakeWork(work);
  while (work.batch.empty() && work.broken_locks.empty() && !usage_changed_ && !check_now_ && !stopping_) {
    const bool woken = wake_.WaitUntil(mutex_, std::min(until, queue_.LockDeadline().value_or(until)));
    TakeWork(work);
    if (!woken && work.now >= until) break;
  }
  work.check_now = std::exchange(check_now_, false);
  work.ended = ended_.has_value();
  work.stop = stopping_ && work.batch.empty();
  return work;
}

void Lane::TakeWork(Work& work) {
  work.now = Clock::now();
  if (const auto broken = queue_.BreakLock(work.now)) {
    work.broken_locks.emplace_back(SnapshotLocked(*broken->holder), SnapshotLocked(*broken->waiter));
  }
  work.batch = queue_.Take(shared_.slice());
}

void Lane::AnswerBatch(Batch& batch) {
  const Clock::time_point now = Clock::now();
  NoteExecuted(batch, now);
  TellResets(batch);
  for (BatchItem& item : batch) {
    if (item.farewell || item.fate == BatchItem::Fate::kGoesOn) continue;
    if (item.fate == BatchItem::Fate::kDropped) {
      answers_.Drop(item.member->name(), item.command, now);
    } else {
      answers_.Answer(item.member->name(), item.command, item.status, std::move(item.response), now);
    }
  }
  std::vector<std::pair<MemberPtr, LaneMember::Leftovers>> ended;
  {
    MutexLock lock(mutex_);
    ended = queue_.Answered(batch);
  }
  for (auto& [member, told] : ended) TellEnd(*member, std::move(told));
}

void Lane::TellResets(const Batch& batch) {
  for (const BatchItem& item : batch) {
    if (item.farewell || item.unfinished || !item.status.ok() || item.command.row == nullptr) continue;
    const bool asserts = item.command.request.assert_reset().asserted();
    if (item.command.row->request_case == v1::StreamRequest::kReset || asserts) {
      events_.OnProbeReset(Snapshot(*item.member));
    }
  }
}

void Lane::NoteExecuted(Batch& batch, Clock::time_point now) {
  std::vector<SessionSnapshot> first_locks;
  {
    MutexLock lock(mutex_);
    for (const BatchItem& item : batch) {
      if (item.member->UpdateSnapshot() || item.farewell) usage_changed_ = true;
      if (item.command.job && !item.unfinished) item.member->CountWrites(*item.command.job);
      if (item.farewell) members_.remove(item.member);
    }
    queue_.Executed(batch, now);
    for (const BatchItem& item : batch) {
      if (item.member->TakeFirstLock()) first_locks.push_back(SnapshotLocked(*item.member));
    }
  }
  for (const SessionSnapshot& holder : first_locks) events_.OnLockTaken(holder);
}

}  // namespace probegate
