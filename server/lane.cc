#include "server/lane.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/error.h"
#include "server/error_detail.h"
#include "server/lane_member.h"
#include "server/shared_probe.h"

namespace probegate {
std::shared_ptr<Lane> Lane::Start(std::unique_ptr<Probe> probe, const LaneOptions& options, LaneEvents& events) {
  std::shared_ptr<Lane> lane(new Lane(std::move(probe), options, events));
  // A plain pointer: Stop, which comes before the destructor, joins the thread.
  lane->thread_ = std::thread([raw = lane.get()] { raw->Run(); });
  return lane;
}

Lane::Lane(std::unique_ptr<Probe> probe, const LaneOptions& options, LaneEvents& events)
    : events_(events),
      options_(options),
      shared_(std::make_unique<SharedProbe>(std::move(probe))),
      info_(shared_->info()) {}

Lane::~Lane() = default;

// --- Called from any thread
// -------------------------------------------------------------------------------------------

absl::StatusOr<std::shared_ptr<Session>> Lane::OpenSession(SessionId id, v1::ClientInfo client,
                                                           Session::EndCallback on_end) {
  auto member = std::make_shared<LaneMember>();
  member->name = id.name();
  member->client = std::move(client);
  member->opened_at = member->last_command_at = std::chrono::system_clock::now();
  member->last_active = Clock::now();
  member->on_end = std::move(on_end);
  member->state.who = DescribeClient(member->name, member->client);
  {
    MutexLock lock(mutex_);
    if (ended_) return *ended_;
    members_.push_back(member);
  }
  events_.OnUsageChanged(info_.unique_id);
  return std::make_shared<Session>(std::move(id), shared_from_this(), std::move(member));
}

LaneUsage Lane::usage() const {
  MutexLock lock(mutex_);
  LaneUsage usage;
  for (const MemberPtr& member : members_) {
    if (member->gone()) continue;
    ++usage.sessions;
    if (member->has_open) ++usage.sessions_open;
  }
  return usage;
}

void Lane::Submit(const MemberPtr& member, v1::StreamRequest request, ReplyCallback done, AbandonedCheck abandoned) {
  PendingCommand command{.request = std::move(request), .done = std::move(done), .abandoned = std::move(abandoned)};
  command.row = FindCommand(command.request.request_case());
  if (command.row == nullptr) {
    command.refused = MakeError(ErrorKind::kInvalidArgument, "the request holds no command");
  } else if (command.row->make_job != nullptr) {
    auto job = command.row->make_job(command.request);
    if (job.ok()) {
      command.job = *std::move(job);
    } else {
      command.refused = job.status();
    }
  }
  std::optional<absl::Status> ended;
  {
    MutexLock lock(mutex_);
    if (member->left) return;
    ended = member->ended;
    if (!ended) {
      member->last_active = Clock::now();
      member->last_command_at = std::chrono::system_clock::now();
      member->queue.push_back(std::move(command));
      MakeReady(member);
    }
  }
  if (ended) {
    Refuse(command, *ended);
  } else {
    wake_.NotifyOne();
  }
}

void Lane::Leave(const MemberPtr& member) {
  std::deque<PendingCommand> dropped;  // destroyed without the mutex: callbacks may own much
  Session::EndCallback on_end;
  {
    MutexLock lock(mutex_);
    if (member->left) return;
    const bool was_ended = member->ended.has_value();
    member->left = true;
    dropped.swap(member->queue);
    on_end = std::exchange(member->on_end, nullptr);
    if (!was_ended) Detach(member);
  }
  wake_.NotifyOne();
}

void Lane::End(const MemberPtr& member, const absl::Status& why) {
  std::deque<PendingCommand> dropped;
  Session::EndCallback on_end;
  {
    MutexLock lock(mutex_);
    if (member->gone()) return;
    member->ended = why;
    Detach(member);
    // What is on its way is answered first, so Answer does the rest.
    if (member->executing) return;
    dropped.swap(member->queue);
    on_end = std::exchange(member->on_end, nullptr);
  }
  wake_.NotifyOne();
  TellEnd(dropped, on_end, why);
}

void Lane::TellEnd(std::deque<PendingCommand>& dropped, Session::EndCallback& on_end, const absl::Status& why) const {
  for (PendingCommand& command : dropped) Refuse(command, why);
  if (on_end) on_end(why);
}

void Lane::Refuse(PendingCommand& command, const absl::Status& why) const {
  v1::StreamResponse response;
  response.set_request_id(command.request.request_id());
  *response.mutable_error() = ToErrorDetail(why, info_.unique_id);
  command.done(std::move(response));
}

// The session is gone; the thread gives back what it has, in its turn.
void Lane::Detach(const MemberPtr& member) {
  if (holder_ == member.get()) {
    holder_ = nullptr;
    lock_depth_ = 0;
  }
  MakeReady(member);
}

SessionSnapshot Lane::Snapshot(const LaneMember& member) const {
  MutexLock lock(mutex_);
  return SnapshotLocked(member);
}

SessionSnapshot Lane::SnapshotLocked(const LaneMember& member) const {
  return {.name = member.name,
          .probe = info_.unique_id,
          .client = member.client,
          .opened_at = member.opened_at,
          .last_command_at = member.last_command_at,
          .has_open = member.has_open,
          .is_connected = member.is_connected,
          .holds_lock = holder_ == &member,
          .waits_for_lock = IsBlocked(member),
          .command_count = member.command_count};
}

void Lane::Stop(const absl::Status& why) {
  std::vector<MemberPtr> members;
  {
    MutexLock lock(mutex_);
    if (!stop_) stop_ = why;
    if (!ended_) ended_ = why;
    members.assign(members_.begin(), members_.end());
  }
  for (const MemberPtr& member : members) End(member, why);
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

// --- The thread
// -------------------------------------------------------------------------------------------------------

void Lane::Run() {
  std::vector<std::pair<SessionSnapshot, SessionSnapshot>> broken;
  Clock::time_point next_check = Clock::now() + options_.presence_interval;
  for (;;) {
    Batch batch;
    bool stopping = false;
    bool dead = false;
    bool usage_changed = false;
    {
      MutexLock lock(mutex_);
      batch = NextBatch();
      dead = ended_.has_value();
      while (batch.empty() && broken_.empty() && !usage_changed_) {
        if (stop_) break;
        Clock::time_point deadline = next_check;
        if (const auto lock_deadline = LockDeadline()) deadline = std::min(deadline, *lock_deadline);
        const bool woken = wake_.WaitUntil(mutex_, deadline);
        batch = NextBatch();
        if (!woken && Clock::now() >= next_check) break;
      }
      stopping = stop_ && batch.empty();
      broken.swap(broken_);
      usage_changed = std::exchange(usage_changed_, false);
    }
    for (const auto& [holder, waiter] : broken) events_.OnLockBroken(holder, waiter);
    broken.clear();
    if (usage_changed) events_.OnUsageChanged(info_.unique_id);
    if (stopping) break;

    absl::Status status;
    if (!batch.empty()) {
      status = Execute(batch);
      Answer(batch);
    }
    if (!dead && status.ok() && Clock::now() >= next_check) status = shared_->CheckPresent();
    if (Clock::now() >= next_check) next_check = Clock::now() + options_.presence_interval;
    if (!dead && IsError(status, ErrorKind::kProbeDisconnected)) Die(status);
  }
  shared_->Shutdown();
}

absl::Status Lane::Execute(Batch& batch) {
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
      // What stands in front of it is answered first, so it must be done, whatever its length.
      run_jobs(SIZE_MAX);
      if (gone.ok()) gone = ExecuteAlone(item);
      if (!gone.ok()) item.status = gone;
    }
  }
  run_jobs(kSliceTransfers);
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
  if (!item.command.refused.ok()) {
    item.status = item.command.refused;
  } else if (row->kind == CommandKind::kLock) {
    item.response.mutable_lock();
  } else if (row->kind == CommandKind::kUnlock) {
    item.response.mutable_unlock();
  } else {
    SessionState& state = item.member->state;
    if (state.joined != true) {
      shared_->Join(state);
      state.joined = true;
    }
    item.status = row->run(*shared_, state, item.command.request, item.response);
  }
  return IsError(item.status, ErrorKind::kProbeDisconnected) ? item.status : absl::OkStatus();
}

void Lane::Farewell(LaneMember& member) {
  if (std::exchange(member.state.joined, false)) shared_->Leave(member.state);
  MutexLock lock(mutex_);
  members_.remove_if([&](const MemberPtr& other) { return other.get() == &member; });
  member.has_open = member.is_connected = false;
  usage_changed_ = true;
}

void Lane::Answer(Batch& batch) {
  struct Ending {
    std::deque<PendingCommand> dropped;
    Session::EndCallback on_end;
    absl::Status why;
  };
  std::vector<Ending> endings;
  std::vector<ReplyCallback> dropped;  // destroyed without the mutex: callbacks may own much
  {
    MutexLock lock(mutex_);
    const Clock::time_point now = Clock::now();
    for (auto item = batch.rbegin(); item != batch.rend(); ++item) {
      LaneMember& member = *item->member;
      if (item->farewell) continue;
      const bool open = member.state.open_count > 0;
      if (member.has_open != open) usage_changed_ = true;
      member.has_open = open;
      member.is_connected = member.state.connect_count > 0;
      member.last_active = now;
      member.executing = false;
      if (item->unfinished && !member.gone()) {
        member.queue.push_front(std::move(item->command));
      } else if (!item->unfinished) {
        ++member.command_count;
      }
    }
    for (Item& item : batch) {
      if (!item.farewell && (item.member->gone() || !item.member->queue.empty())) MakeReady(item.member);
      if (item.member->left) dropped.push_back(std::exchange(item.command.done, nullptr));
      if (item.member->ended && item.member->on_end) {
        endings.push_back(
            {std::exchange(item.member->queue, {}), std::exchange(item.member->on_end, nullptr), *item.member->ended});
      }
    }
  }
  for (Item& item : batch) {
    if (!item.command.done) continue;
    if (item.unfinished) item.status = *item.member->ended;  // put back otherwise, and its callback with it
    if (!item.status.ok()) *item.response.mutable_error() = ToErrorDetail(item.status, info_.unique_id);
    item.response.set_request_id(item.command.request.request_id());
    item.command.done(std::move(item.response));
  }
  for (Ending& ending : endings) TellEnd(ending.dropped, ending.on_end, ending.why);
}

void Lane::Die(const absl::Status& why) {
  std::vector<MemberPtr> members;
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    ended_ = why;
    members.assign(members_.begin(), members_.end());
  }
  for (const MemberPtr& member : members) End(member, why);
  events_.OnProbeGone(info_.unique_id, why);
}

}  // namespace probegate
