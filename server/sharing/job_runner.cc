#include "server/sharing/job_runner.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/error.h"

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
  for (const Work& next : work) {
    const auto& [job, session] = next;
    if (job->finished()) continue;
    // A job that must not run, or for which the link must be prepared first, ends this plan and begins the next.
    if (&next != &work.front() && (session->posted_failure.pending() || !Check(*session, *job).ok() ||
                                   !link_.IsFit(*session, UseOf(*session, *job)))) {
      break;
    }
    const TransferPlan::Added added = plan_.Add(*job, *session);
    if (added != TransferPlan::Added::kRunFirst) ++planned.jobs;
    if (added == TransferPlan::Added::kPart) planned.budget_used = true;
    if (added != TransferPlan::Added::kAll) break;
  }
  return planned;
}

absl::Status JobRunner::Run(absl::Span<const Work> work, size_t budget) {
  // An empty block transfers nothing, but must fail if a block with data would fail.
  for (const auto& [job, session] : work) {
    if (job->steps.empty()) job->status = Check(*session, *job);
  }
  bool budget_used = false;
  for (size_t first = 0;;) {
    while (first < work.size() && Settle(work[first])) ++first;
    // Only the last job may wait for the next call: those before it are answered in order.
    if (first == work.size() || (budget_used && first + 1 == work.size())) return absl::OkStatus();
    budget_used = false;

    const Work& leader = work[first];
    absl::Status fit = Check(*leader.session, *leader.job);
    if (fit.ok()) fit = link_.Prepare(*leader.session, UseOf(*leader.session, *leader.job));
    if (!fit.ok()) {
      leader.job->Fail(fit);
      if (IsError(fit, ErrorKind::kProbeDisconnected)) return fit;
      continue;
    }
    const Planned planned = Plan(work.subspan(first), budget);
    budget_used = planned.budget_used;
    if (plan_.empty()) continue;
    // A plan without jobs only finds out what the next job needs, and counts as one job.
    if (batch_commands_ != nullptr) batch_commands_->Observe(static_cast<double>(std::max<size_t>(planned.jobs, 1)));
    const TransferResult result = probe_.Transfer(plan_.ops());
    if (SessionState* failed = plan_.Finish(result)) {
      budget_used = false;
      const absl::Status recovered = link_.Recover(*failed, result.status);
      if (IsError(recovered, ErrorKind::kProbeDisconnected)) return recovered;
    }
  }
}

absl::Status JobRunner::RunOne(SessionState& session, TransferJob job) {
  const Work work{&job, &session};
  while (!job.finished()) {
    if (absl::Status status = Run({&work, 1}, kOwnBudget); !status.ok()) return status;
  }
  return job.status;
}

}  // namespace probegate
