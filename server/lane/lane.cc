#include "server/lane/lane.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/error.h"
#include "server/commands/command_outcome.h"
#include "server/commands/error_detail.h"
#include "server/lane/lane_member.h"
#include "server/metrics/probe_metrics.h"
#include "server/sharing/shared_probe.h"
#include "telemetry/trace_context.h"

namespace probegate {
namespace {

std::unique_ptr<Probe> Observed(std::unique_ptr<Probe> probe, ProbeMetrics& metrics) {
  probe->SetObserver(&metrics);
  return probe;
}

int64_t Microseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

std::shared_ptr<Lane> Lane::Make(std::unique_ptr<Probe> probe, const LaneContext& context) {
  return std::shared_ptr<Lane>(new Lane(std::move(probe), context));
}

absl::Status Lane::Start() {
  try {
    // A plain pointer: Stop, which comes before the destructor, joins the thread.
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error& error) {
    return MakeError(ErrorKind::kInternal, std::string("there is no thread for the probe: ") + error.what());
  }
  return absl::OkStatus();
}

Lane::Lane(std::unique_ptr<Probe> probe, const LaneContext& context)
    : events_(context.events),
      log_(context.log),
      options_(context.options),
      metrics_(context.metrics),
      shared_(std::make_unique<SharedProbe>(Observed(std::move(probe), *metrics_), &metrics_->batch_commands(),
                                            metrics_->swo_counters())),
      info_(shared_->info()) {}

Lane::~Lane() = default;

// --- Called from any thread

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
    if (member->gone()) continue;
    ++usage.sessions;
    if (member->has_open) ++usage.sessions_open;
    usage.queued += member->queue.size();
    if (IsBlocked(*member)) ++usage.lock_waiters;
  }
  usage.lock_held = holder_ != nullptr;
  return usage;
}

PendingCommand Lane::MakeCommand(v1::StreamRequest request, bool posted, Clock::time_point now) const {
  PendingCommand command{.request = std::move(request), .posted = posted};
  command.row = FindCommandRow(command.request.request_case());
  if (command.row == nullptr) {
    command.refused = MakeError(ErrorKind::kInvalidArgument, "the request holds no command");
  } else if (posted && command.row->posted_role != PostedRole::kMay) {
    command.refused = MakeError(ErrorKind::kInvalidArgument, std::string(command.row->name) + " cannot be posted");
  }
  if (command.refused.ok() && command.row->make_job != nullptr) {
    auto job = command.row->make_job(command.request);
    command.refused = job.status();
    if (job.ok()) command.job = *std::move(job);
    // What is more than transfers is not for posting.
    if (posted && command.refused.ok() && !command.job) {
      command.refused =
          MakeError(ErrorKind::kInvalidArgument, std::string(command.row->name) + " to this register cannot be posted");
    }
    if (command.job && posted) command.job->posted_as = command.row->name;
  }
  command.scope = OperationScope(metrics_->command(command.row), OutcomeCancelled(), now);
  return command;
}

void Lane::Submit(const MemberPtr& member, v1::StreamRequest request, ReplyCallback done, AbandonedCheck abandoned) {
  const Clock::time_point now = Clock::now();
  std::vector<PendingCommand> commands;
  commands.reserve(static_cast<size_t>(request.posted_size()) + 1);
  for (v1::StreamRequest& posted : *request.mutable_posted()) {
    commands.push_back(MakeCommand(std::move(posted), true, now));
    commands.back().done = [](const v1::StreamResponse&) {};
  }
  if (commands.empty() || request.request_case() != v1::StreamRequest::REQUEST_NOT_SET) {
    request.clear_posted();
    commands.push_back(MakeCommand(std::move(request), false, now));
  }
  commands.back().done = std::move(done);
  commands.back().abandoned = std::move(abandoned);
  bool left = false;
  bool locked_now = false;
  bool wake = true;
  std::optional<SessionEnd> ended;
  {
    MutexLock lock(mutex_);
    left = member->left;
    ended = member->ended;
    if (!left && !ended) {
      member->last_active = now;
      member->last_command_at = std::chrono::system_clock::now();
      locked_now = commands.size() == 1 && LockNow(*member, commands.front());
      if (locked_now) {
        ++member->command_count;
        wake = holder_ == nullptr && !ready_.empty();  // others waited for it
      } else {
        std::move(commands.begin(), commands.end(), std::back_inserter(member->queue));
        MakeReady(member);
      }
    }
  }
  // First: its owner leaves it on being told of the end, and what another thread of the owner's submits just then waits
  // for an answer.
  if (ended || left) {
    for (PendingCommand& command : commands) {
      if (ended) {
        Refuse(*member, command, ended->why);
      } else {
        Count(*member, command, OutcomeCancelled(), now);
      }
    }
    return;
  }
  if (wake) wake_.NotifyOne();
  if (locked_now) AnswerLock(*member, commands.front(), now);
}

void Lane::AnswerLock(const LaneMember& member, PendingCommand& command, Clock::time_point now) const {
  command.scope.Work(now);
  Count(member, command, kOutcomeOk, now);
  v1::StreamResponse response;
  response.set_request_id(command.request.request_id());
  if (command.row->kind == CommandKind::kLock) {
    response.mutable_lock();
  } else {
    response.mutable_unlock();
  }
  command.done(std::move(response));
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
  for (PendingCommand& command : dropped) Count(*member, command, OutcomeCancelled(), Clock::now());
}

void Lane::End(const MemberPtr& member, const SessionEnd& end) {
  std::deque<PendingCommand> dropped;
  Session::EndCallback on_end;
  {
    MutexLock lock(mutex_);
    if (member->gone()) return;
    member->ended = end;
    Detach(member);
    // What is on its way is answered first, so Answer does the rest.
    if (member->executing) return;
    dropped.swap(member->queue);
    on_end = std::exchange(member->on_end, nullptr);
  }
  wake_.NotifyOne();
  TellEnd(*member, dropped, on_end, end);
}

void Lane::TellEnd(const LaneMember& member, std::deque<PendingCommand>& dropped, Session::EndCallback& on_end,
                   const SessionEnd& end) const {
  for (PendingCommand& command : dropped) Refuse(member, command, end.why);
  if (on_end) on_end(end);
}

void Lane::Count(const LaneMember& member, PendingCommand& command, size_t outcome, Clock::time_point now) const {
  command.scope.Finish(outcome, now);
  if (!log_.enabled(LogLevel::kDebug)) return;
  log_.Debug("command.done", {{"probe", metrics_->unique_id()},
                              {"session", member.name},
                              {"request", command.request.request_id()},
                              {"command", CommandName(CommandNumber(command.row))},
                              {"outcome", OutcomeName(outcome)},
                              {"wait_us", Microseconds(command.scope.waited())},
                              {"wire_us", Microseconds(command.scope.worked())},
                              {"trace", TraceIdOf(command.request.traceparent())}});
}

void Lane::Refuse(const LaneMember& member, PendingCommand& command, const absl::Status& why) const {
  Count(member, command, OutcomeOf(why), Clock::now());
  v1::StreamResponse response;
  response.set_request_id(command.request.request_id());
  *response.mutable_error() = ToErrorDetail(why, metrics_->unique_id());
  command.done(std::move(response));
}

// The session is gone; the thread gives back what it has, in its turn.
void Lane::Detach(const MemberPtr& member) {
  if (holder_ == member.get()) FreeLock();
  MakeReady(member);
}

SessionSnapshot Lane::Snapshot(const LaneMember& member) const {
  MutexLock lock(mutex_);
  return SnapshotLocked(member);
}

SessionSnapshot Lane::SnapshotLocked(const LaneMember& member) const {
  return {.name = member.name,
          .probe = metrics_->unique_id(),
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
  for (const MemberPtr& member : members) End(member, {SessionEndCause::kServerStopped, why});
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

}  // namespace probegate
