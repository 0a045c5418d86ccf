#include "server/sharing/job_runner.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/error.h"
#include "probe/interrupt.h"

namespace probegate {
namespace {

// The budget for jobs that are not a client's command; none of them has as many transfers.
constexpr size_t kOwnBudget = 1024;

// A posted job, for messages.
std::string WhatWrites(const TransferJob& job) {
  std::string what(job.posted_as);
  if (!job.steps.empty()) what += " " + Hex(job.steps.front().address, 1);
  return what;
}

}  // namespace

absl::Status JobRunner::Check(const SessionState& session, const TransferJob& job) const {
  if (absl::Status status = RequireConnected(session, probe_.info()); !status.ok()) return status;
  if (job.handle && *job.handle >= session.memory_interfaces.size()) {
    return MakeError(ErrorKind::kNotFound, "invalid handle received from remote memory access");
  }
  const bool is_ap = !job.steps.empty() && job.steps.front().target == TransferStep::Target::kAp;
  const auto dp = wire_.dps.find(session.target_select);
  if (is_ap && dp != wire_.dps.end() && dp->second.dpidr) {
    const ApId ap = ParseApAddress(job.steps.front().address, dp->second.adiv6()).ap;
    if (dp->second.identities.size() >= TransferPlan::kMaxAps && !dp->second.identities.contains(ap)) {
      return MakeError(ErrorKind::kUnsupported, absl::StrCat("more than ", TransferPlan::kMaxAps, " APs are in use"));
    }
  }
  return absl::OkStatus();
}

LinkUse JobRunner::UseOf(const SessionState& session, const TransferJob& job) {
  if (!job.handle) return {.target = session.target_select, .established = false};
  return {.target = session.memory_interfaces[*job.handle].target, .established = true};
}

bool JobRunner::Settle(const Work& work) {
  const auto& [job, session] = work;
  if (session->over) {
    if (!job->finished()) job->Fail(Interrupted());
    return true;
  }
  PostedFailure& failure = session->posted_failure;
  if (failure.pending() && job->posted_as.empty()) {
    job->Fail(failure.Take());
  } else if (failure.pending() && !job->finished()) {
    job->Fail(absl::CancelledError("not carried out after a posted command that failed"));
  }
  if (!job->finished()) return false;
  if (!job->posted_as.empty() && !job->status.ok()) {
    failure.Note(job->status, WhatWrites(*job));
    if (session->connect_count > 0) plan_.Keep(*job, *session);
  }
  return true;
}

JobRunner::Planned JobRunner::Plan(absl::Span<const Work> work, size_t budget) {
  Planned planned;
  plan_.Begin(budget);
  planned_.clear();
  for (const Work& next : work) {
    const auto& [job, session] = next;
    if (job->finished()) continue;
    if (session->over) break;  // Settle sees to it, in its turn
    // A job that must not run, or for which the link must be prepared first, ends this plan and begins the next.
    if (&next != &work.front() && (session->posted_failure.pending() || !Check(*session, *job).ok() ||
                                   !link_.IsFit(*session, UseOf(*session, *job)))) {
      break;
    }
    planned_.push_back(session);
    const TransferPlan::Added added = plan_.Add(*job, *session);
    if (added != TransferPlan::Added::kRunFirst) ++planned.jobs;
    if (added == TransferPlan::Added::kPart) planned.budget_used = true;
    if (added != TransferPlan::Added::kAll) break;
  }
  return planned;
}

absl::Status JobRunner::Prepare(const Work& leader) {
  const auto& [job, session] = leader;
  if (absl::Status status = Check(*session, *job); !status.ok()) return status;
  const WorkBound::Scope scope(bound_, {.session = session});
  return link_.Prepare(*session, UseOf(*session, *job));
}

// Each plan has a whole turn's time, so that it gets something done, however long the link took to establish. One that
// discovers something is short, and would never come to its end with a probe that takes longer.
TransferResult JobRunner::Transfer() {
  const auto until = plan_.discovers() ? WorkBound::TimePoint::max() : std::chrono::steady_clock::now() + kLongestTurn;
  const WorkBound::Scope scope(bound_, {.sessions = planned_, .until = until});
  return probe_.Transfer(plan_.ops());
}

absl::Status JobRunner::Run(absl::Span<const Work> work, size_t budget) {
  const auto until = std::chrono::steady_clock::now() + kLongestTurn;
  // An empty block transfers nothing, but must fail if a block with data would fail.
  for (const auto& [job, session] : work) {
    if (job->steps.empty()) job->status = Check(*session, *job);
  }
  bool budget_used = false;
  bool begun = false;
  for (size_t first = 0;;) {
    while (first < work.size() && Settle(work[first])) ++first;
    if (first == work.size() || (budget_used && first + 1 == work.size())) return absl::OkStatus();
    if (begun && std::chrono::steady_clock::now() >= until) return absl::OkStatus();
    budget_used = false;
    begun = true;

    const Work& leader = work[first];
    if (absl::Status fit = Prepare(leader); !fit.ok()) {
      leader.job->Fail(fit);
      if (IsError(fit, ErrorKind::kProbeDisconnected)) return fit;
      continue;
    }
    const Planned planned = Plan(work.subspan(first), budget);
    budget_used = planned.budget_used;
    if (plan_.empty()) continue;
    // A plan without jobs only finds out what the next job needs, and counts as one job.
    if (batch_commands_ != nullptr) batch_commands_->Observe(static_cast<double>(std::max<size_t>(planned.jobs, 1)));
    const TransferResult result = Transfer();
    if (IsInterrupted(result.status)) {
      plan_.Interrupt(result.completed);
      // Either a session has ended, and the others go on, or the time is over.
      if (std::none_of(planned_.begin(), planned_.end(), [](const SessionState* s) { return s->over.load(); })) {
        return absl::OkStatus();
      }
      continue;
    }
    if (SessionState* failed = plan_.Finish(result)) {
      budget_used = false;
      const WorkBound::Scope scope(bound_, {.session = failed});
      const absl::Status recovered = link_.Recover(*failed, result.status);
      if (IsError(recovered, ErrorKind::kProbeDisconnected)) return recovered;
    }
  }
}

absl::Status JobRunner::RunOne(SessionState& session, TransferJob job) {
  const Work work{&job, &session};
  while (!job.finished()) {
    if (absl::Status status = Run({&work, 1}, kOwnBudget); !status.ok()) return status;
    if (!job.finished() && bound_.raised()) return Interrupted();
  }
  return job.status;
}

}  // namespace probegate
