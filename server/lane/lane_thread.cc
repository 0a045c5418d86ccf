// The lane's thread: takes what is ready, has it carried out, and answers.
#include <algorithm>
#include <utility>

#include "probe/error.h"
#include "server/commands/command_outcome.h"
#include "server/commands/error_detail.h"
#include "server/lane/lane.h"
#include "server/lane/lane_member.h"
#include "server/metrics/probe_metrics.h"
#include "server/sharing/shared_probe.h"

namespace probegate {
namespace {

bool IsLock(const PendingCommand& command) {
  return command.refused.ok() && (command.row->kind == CommandKind::kLock || command.row->kind == CommandKind::kUnlock);
}

}  // namespace

void Lane::Run() {
  std::vector<std::pair<SessionSnapshot, SessionSnapshot>> broken;
  Clock::time_point next_check = Clock::now() + options_.presence_interval;
  Clock::time_point next_swo = Clock::time_point::max();
  for (;;) {
    Batch batch;
    bool stopping = false;
    bool dead = false;
    bool usage_changed = false;
    bool check_now = false;
    {
      MutexLock lock(mutex_);
      batch = NextBatch();
      dead = ended_.has_value();
      while (batch.empty() && broken_.empty() && !usage_changed_ && !check_now_) {
        if (stop_) break;
        Clock::time_point deadline = std::min(next_check, next_swo);
        if (const auto lock_deadline = LockDeadline()) deadline = std::min(deadline, *lock_deadline);
        const bool woken = wake_.WaitUntil(mutex_, deadline);
        batch = NextBatch();
        if (!woken && Clock::now() >= std::min(next_check, next_swo)) break;
      }
      stopping = stop_ && batch.empty();
      broken.swap(broken_);
      usage_changed = std::exchange(usage_changed_, false);
      check_now = std::exchange(check_now_, false);
    }
    for (const auto& [holder, waiter] : broken) events_.OnLockBroken(holder, waiter);
    broken.clear();
    if (usage_changed) events_.OnUsageChanged(metrics_->unique_id());
    if (stopping) break;

    absl::Status status;
    if (!batch.empty()) {
      status = Execute(batch);
      Answer(batch);
    }
    if (!dead && status.ok() && shared_->swo_active()) {
      if (next_swo == Clock::time_point::max()) next_swo = Clock::now() + options_.swo_interval;
      if (Clock::now() >= next_swo) {
        const absl::StatusOr<bool> more = shared_->PollSwo();
        status = more.status();
        next_swo = Clock::now() + (more.value_or(false) ? Clock::duration::zero() : options_.swo_interval);
      }
    } else {
      next_swo = Clock::time_point::max();
    }
    if (!dead && status.ok() && (check_now || Clock::now() >= next_check)) status = shared_->CheckPresent();
    if (Clock::now() >= next_check) next_check = Clock::now() + options_.presence_interval;
    if (!dead && IsError(status, ErrorKind::kProbeDisconnected)) Die(status);
  }
  shared_->Shutdown();
}

absl::Status Lane::Execute(Batch& batch) {
  const Clock::time_point now = Clock::now();
  for (Item& item : batch) item.command.scope.Work(now);
  absl::Status gone;
  std::vector<SharedProbe::Work> work;
  const auto run_jobs = [&](size_t budget) {
    if (work.empty() || !gone.ok()) return;
    gone = shared_->RunTransfers(work, budget);
    work.clear();
  };
  for (Item& item : batch) {
    if (item.farewell) {
      Farewell(*item.member);
    } else if (item.command.job) {
      if (gone.ok()) work.push_back({&*item.command.job, &item.member->state});
    } else {
      // What stands in front of it is answered first, so it must be done, whatever its length. A lock has no more to do
      // than to be answered in its turn: what stands around it goes to the probe together.
      if (!IsLock(item.command)) run_jobs(SIZE_MAX);
      if (gone.ok()) gone = ExecuteAlone(item);
      if (!gone.ok()) item.status = gone;
    }
  }
  run_jobs(!batch.empty() && batch.back().command.job ? kSliceTransfers : SIZE_MAX);
  for (Item& item : batch) {
    if (!item.command.job || item.farewell) continue;
    TransferJob& job = *item.command.job;
    if (!job.finished()) {
      if (gone.ok()) {
        item.unfinished = true;
        continue;
      }
      job.Fail(gone);
    }
    item.status = job.status;
    if (item.status.ok()) item.command.row->finish_job(job, item.command.request, item.response);
  }
  return gone;
}

// Returns only what ends the lane; what fails otherwise is the item's.
absl::Status Lane::ExecuteAlone(Item& item) {
  const CommandRow* row = item.command.row;
  PostedFailure& posted_failure = item.member->state.posted_failure;
  if (!item.command.refused.ok()) {
    item.status = item.command.refused;
    if (item.command.posted) posted_failure.Note(item.status, row == nullptr ? "request" : row->name);
  } else if (row->kind == CommandKind::kLock) {
    item.response.mutable_lock();
  } else if (row->kind == CommandKind::kUnlock) {
    item.response.mutable_unlock();
  } else if ((row->posted_role == PostedRole::kTakes || row->posted_role == PostedRole::kMay) &&
             posted_failure.pending()) {
    item.status = posted_failure.Take();
  } else {
    SessionState& state = item.member->state;
    if (state.joined != true) {
      shared_->Join(state);
      state.joined = true;
    }
    item.status = row->run(*shared_, state, item.command.request, item.response);
    const bool takes = row->posted_role == PostedRole::kTakesAfter && posted_failure.pending();
    if (takes && !IsError(item.status, ErrorKind::kProbeDisconnected)) item.status = posted_failure.Take();
  }
  return IsError(item.status, ErrorKind::kProbeDisconnected) ? item.status : absl::OkStatus();
}

void Lane::Farewell(LaneMember& member) {
  if (member.state.posted_failure.pending()) {
    log_.Warning("command.posted_in_vain", {{"probe", metrics_->unique_id()},
                                            {"session", member.name},
                                            {"reason", std::string(member.state.posted_failure.status().message())}});
  }
  if (std::exchange(member.state.joined, false)) shared_->Leave(member.state);
  MutexLock lock(mutex_);
  members_.remove_if([&](const MemberPtr& other) { return other.get() == &member; });
  member.has_open = member.is_connected = false;
  usage_changed_ = true;
}

void Lane::Answer(Batch& batch) {
  struct Ending {
    MemberPtr member;
    std::deque<PendingCommand> dropped;
    Session::EndCallback on_end;
    SessionEnd end;
  };
  std::vector<Ending> endings;
  std::vector<ReplyCallback> dropped;  // destroyed without the mutex: callbacks may own much
  const Clock::time_point now = Clock::now();
  {
    MutexLock lock(mutex_);
    for (auto item = batch.rbegin(); item != batch.rend(); ++item) {
      LaneMember& member = *item->member;
      if (item->farewell) continue;
      const bool open = member.state.open_count > 0;
      if (member.has_open != open) usage_changed_ = true;
      member.has_open = open;
      member.is_connected = member.state.connect_count > 0;
      member.last_active = now;
      member.executing = false;
      member.answering = true;
      if (item->unfinished && !member.gone()) {
        item->command.scope.Wait(now);
        member.queue.push_front(std::move(item->command));
      } else if (!item->unfinished) {
        ++member.command_count;
      }
    }
    for (Item& item : batch) {
      if (!item.farewell && (item.member->gone() || !item.member->queue.empty())) MakeReady(item.member);
      if (item.member->left && !item.farewell) {
        item.unheard = true;
        dropped.push_back(std::exchange(item.command.done, nullptr));
      }
      if (item.member->ended && item.member->on_end) {
        endings.push_back({item.member, std::exchange(item.member->queue, {}),
                           std::exchange(item.member->on_end, nullptr), *item.member->ended});
      }
    }
  }
  for (Item& item : batch) {
    if (item.unheard) Count(*item.member, item.command, OutcomeCancelled(), now);
    if (!item.command.done) continue;
    if (item.unfinished) item.status = item.member->ended->why;  // put back otherwise, and its callback with it
    Count(*item.member, item.command, OutcomeOf(item.status), now);
    if (!item.status.ok()) *item.response.mutable_error() = ToErrorDetail(item.status, metrics_->unique_id());
    item.response.set_request_id(item.command.request.request_id());
    item.command.done(std::move(item.response));
  }
  {
    MutexLock lock(mutex_);
    for (Item& item : batch) item.member->answering = false;
  }
  for (Ending& ending : endings) TellEnd(*ending.member, ending.dropped, ending.on_end, ending.end);
}

void Lane::Die(const absl::Status& why) {
  std::vector<MemberPtr> members;
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    ended_ = why;
    members.assign(members_.begin(), members_.end());
  }
  for (const MemberPtr& member : members) End(member, {SessionEndCause::kProbeGone, why});
  events_.OnProbeGone(metrics_->unique_id(), why);
}

}  // namespace probegate
