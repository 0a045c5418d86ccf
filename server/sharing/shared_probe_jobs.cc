// SharedProbe's transfers: jobs of many sessions, planned, run and mended.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/error.h"
#include "server/sharing/shared_probe.h"

namespace probegate {
namespace {

// A posted job, for messages.
std::string WhatWrites(const TransferJob& job) {
  std::string what(job.posted_as);
  if (!job.steps.empty()) what += " " + Hex(job.steps.front().address, 1);
  return what;
}

}  // namespace

absl::Status SharedProbe::CheckJob(SessionState& session, const TransferJob& job) const {
  if (absl::Status status = RequireConnected(session); !status.ok()) return status;
  if (job.handle && *job.handle >= session.memory_interfaces.size()) {
    return MakeError(ErrorKind::kNotFound, "invalid handle received from remote memory access");
  }
  if (!job.steps.empty() && job.steps.front().target == TransferStep::Target::kAp && wire_.dpidr) {
    const ApId ap = ParseApAddress(job.steps.front().address, wire_.adiv6()).ap;
    if (wire_.identities.size() >= TransferPlan::kMaxAps && !wire_.identities.contains(ap)) {
      return MakeError(ErrorKind::kUnsupported, absl::StrCat("more than ", TransferPlan::kMaxAps, " APs are in use"));
    }
  }
  return absl::OkStatus();
}

bool SharedProbe::Settle(const Work& work) {
  const auto& [job, session] = work;
  PostedFailure& failure = session->posted_failure;
  if (failure.pending() && job->posted_as.empty()) {
    job->Fail(failure.Take());
  } else if (failure.pending() && !job->finished()) {
    job->Fail(absl::CancelledError("not carried out behind a posted command that failed"));
  }
  if (!job->finished()) return false;
  if (!job->posted_as.empty() && !job->status.ok()) {
    failure.Note(job->status, WhatWrites(*job));
    if (session->connect_count > 0) plan_.Keep(*job, *session);
  }
  return true;
}

absl::Status SharedProbe::RunTransfers(absl::Span<const Work> work, size_t budget) {
  // A block of nothing transfers nothing, and is refused where any other would be.
  for (const auto& [job, session] : work) {
    if (job->steps.empty()) job->status = CheckJob(*session, *job);
  }
  bool budget_used = false;
  for (size_t first = 0;;) {
    while (first < work.size() && Settle(work[first])) ++first;
    // Only the last job may wait for the next call: those in front of it are answered in order.
    if (first == work.size() || (budget_used && first + 1 == work.size())) return absl::OkStatus();
    budget_used = false;

    const Work& leader = work[first];
    absl::Status fit = CheckJob(*leader.session, *leader.job);
    if (fit.ok()) fit = PrepareLink(*leader.session, leader.job->handle.has_value());
    if (!fit.ok()) {
      leader.job->Fail(fit);
      if (IsError(fit, ErrorKind::kProbeDisconnected)) return fit;
      continue;
    }
    plan_.Begin(budget);
    size_t planned = 0;
    for (size_t i = first; i < work.size(); ++i) {
      const auto& [job, session] = work[i];
      if (job->finished()) continue;
      // What needs more than transfers first leads the next round.
      if (i != first && (session->posted_failure.pending() || !CheckJob(*session, *job).ok() ||
                         !LinkIsFit(*session, job->handle.has_value()))) {
        break;
      }
      const TransferPlan::Added added = plan_.Add(*job, *session);
      if (added != TransferPlan::Added::kRunFirst) ++planned;
      if (added == TransferPlan::Added::kPart) budget_used = true;
      if (added != TransferPlan::Added::kAll) break;
    }
    if (plan_.empty()) continue;
    // What must be found out before a job can be planned is done for that job alone.
    if (batch_commands_ != nullptr) batch_commands_->Observe(static_cast<double>(std::max<size_t>(planned, 1)));
    const TransferResult result = probe_->Transfer(plan_.ops());
    if (SessionState* failed = plan_.Finish(result)) {
      budget_used = false;
      const absl::Status recovered = Recover(*failed, result.status);
      if (IsError(recovered, ErrorKind::kProbeDisconnected)) return recovered;
    }
  }
}

absl::Status SharedProbe::RunJob(SessionState& session, TransferJob job) {
  const Work work{&job, &session};
  while (!job.finished()) {
    if (absl::Status status = RunTransfers({&work, 1}, 1024); !status.ok()) return status;
  }
  return job.status;
}

absl::Status SharedProbe::Recover(const SessionState& session, const absl::Status& failure) {
  const ErrorKind kind = GetError(failure).kind;
  if (kind == ErrorKind::kProbeDisconnected) return failure;
  if (kind != ErrorKind::kTransferFault && kind != ErrorKind::kTransferTimeout) {
    wire_.Touch(session, absl::StrCat("transfer that failed (", failure.message(), ")"));
    return absl::OkStatus();
  }
  const uint32_t clear = adi::kAbortClearSticky;
  const TransferOp abort{.port = Port::kDp, .address = adi::kDpAbort, .write = {&clear, 1}, .read = {}};
  const absl::Status cleared = probe_->Transfer({&abort, 1}).status;
  if (IsError(cleared, ErrorKind::kProbeDisconnected)) return cleared;
  if (!cleared.ok()) wire_.Touch(session, "transfer after which the sticky flags could not be cleared");
  return absl::OkStatus();
}

}  // namespace probegate
