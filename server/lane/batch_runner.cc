#include "server/lane/batch_runner.h"

#include <utility>

#include "probe/error.h"

namespace probegate {
namespace {

bool IsLockOrUnlock(const LaneCommand& command) {
  return command.Is(CommandKind::kLock) || command.Is(CommandKind::kUnlock);
}

}  // namespace

absl::Status BatchRunner::Run(Batch& batch, std::chrono::steady_clock::time_point now) {
  for (BatchItem& item : batch) item.command.scope.Work(now);
  absl::Status gone = RunInOrder(batch);
  jobs_.clear();
  bool cut = false;
  for (BatchItem& item : batch) {
    if (item.command.job && !cut) FinishJob(item, gone);
    cut = cut || item.unfinished;
    item.unfinished = cut;
  }
  return gone;
}

absl::Status BatchRunner::RunInOrder(Batch& batch) {
  absl::Status gone;
  for (BatchItem& item : batch) {
    if (item.farewell) {
      GiveBack(*item.member);
    } else if (item.command.job) {
      if (gone.ok()) jobs_.push_back({&*item.command.job, &item.member->state});
    } else {
      // The jobs before it are answered first, so they must be finished; if they take too long, it waits with them for
      // another batch. A lock only needs its answer: the jobs before and after it are sent to the probe together.
      if (gone.ok() && !IsLockOrUnlock(item.command)) {
        bool all_finished = true;
        gone = RunJobs(all_finished);
        if (!all_finished) return gone;
      }
      if (gone.ok()) gone = RunWithoutJob(item);
      if (!gone.ok()) item.status = gone;
    }
  }
  bool all_finished = true;
  return gone.ok() ? RunJobs(all_finished) : gone;
}

absl::Status BatchRunner::RunJobs(bool& all_finished) {
  if (jobs_.empty()) return absl::OkStatus();
  const absl::Status gone = probe_.RunTransfers(jobs_, probe_.slice());
  all_finished = !gone.ok() || jobs_.back().job->finished();
  jobs_.clear();
  return gone;
}

absl::Status BatchRunner::RunWithoutJob(BatchItem& item) {
  const LaneCommand& command = item.command;
  if (!command.refused.ok()) {
    item.status = command.refused;
    if (command.posted) {
      item.member->state.posted_failure.Note(item.status, command.row == nullptr ? "request" : command.row->name);
    }
  } else if (IsLockOrUnlock(command)) {
    command.FillLockResponse(item.response);  // LaneQueue has taken the lock or given it back
  } else {
    item.status = CallProbe(item);
  }
  return IsError(item.status, ErrorKind::kProbeDisconnected) ? item.status : absl::OkStatus();
}

absl::Status BatchRunner::CallProbe(BatchItem& item) {
  const CommandRow& row = *item.command.row;
  SessionState& state = item.member->state;
  PostedFailure& failure = state.posted_failure;
  const bool takes = row.posted_role == PostedRole::kTakes || row.posted_role == PostedRole::kMay;
  if (takes && failure.pending()) return failure.Take();
  if (!std::exchange(state.joined, true)) probe_.Join(state);
  const WorkBound::Scope scope(probe_.bound(), {.session = &state});
  absl::Status status = row.run(probe_, state, item.command.request, item.response);
  const bool takes_after = row.posted_role == PostedRole::kTakesAfter && failure.pending();
  if (takes_after && !IsError(status, ErrorKind::kProbeDisconnected)) return failure.Take();
  return status;
}

void BatchRunner::FinishJob(BatchItem& item, const absl::Status& gone) {
  TransferJob& job = *item.command.job;
  if (!job.finished() && gone.ok()) {
    item.unfinished = true;
    return;
  }
  if (!job.finished()) job.Fail(gone);
  item.status = job.status;
  if (item.status.ok()) item.command.row->finish_job(job, item.command.request, item.response);
}

void BatchRunner::GiveBack(LaneMember& member) {
  if (member.state.posted_failure.pending()) {
    log_.Warning("command.posted_in_vain", {{"probe", unique_id_},
                                            {"session", member.name()},
                                            {"reason", std::string(member.state.posted_failure.status().message())}});
  }
  const auto until = std::chrono::steady_clock::now() + kLongestFarewell;
  const WorkBound::Scope scope(probe_.bound(), {.until = until});
  if (std::exchange(member.state.joined, false)) probe_.Leave(member.state);
}

}  // namespace probegate
