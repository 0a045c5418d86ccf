// Carries out the jobs of many sessions: plans as many as can be sent together, runs the plan on the probe, and
// recovers from failures.
//
// A job that fails does not keep those after it from running, unless it is posted (server/sharing/posted_failure.h).
//
// Threads: one; in the server the lane's. Run blocks for as long as the probe takes.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "probe/probe.h"
#include "server/sharing/dp_link.h"
#include "server/sharing/session_state.h"
#include "server/sharing/transfer_job.h"
#include "server/sharing/transfer_plan.h"
#include "server/sharing/wire_state.h"
#include "telemetry/metrics.h"

namespace probegate {

class JobRunner {
 public:
  // All arguments must outlive this. For each plan, `batch_commands` observes how many jobs are sent to the probe
  // together; null: not counted.
  JobRunner(Probe& probe, WireState& wire, DpLink& link, const Histogram* batch_commands)
      : probe_(probe), wire_(wire), link_(link), batch_commands_(batch_commands), plan_(wire) {}
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // A job and its session.
  struct Work {
    TransferJob* job;
    SessionState* session;
  };
  // Carries out the jobs in their order until each has finished or, after `budget` transfers, the rest has to wait for
  // the next call. Returns kProbeDisconnected once the probe is gone, else OK: other failures are in the status of
  // their jobs.
  absl::Status Run(absl::Span<const Work> work, size_t budget);

  // Carries out one job to its end; returns how it ended.
  absl::Status RunOne(SessionState& session, TransferJob job);

 private:
  // Whether the job can be planned at all.
  static LinkUse UseOf(const SessionState& session, const TransferJob& job);
  absl::Status Check(const SessionState& session, const TransferJob& job) const;
  // Called for the next job in order: fails it if a posted command of its session has failed before it. Returns whether
  // the job is finished.
  bool Settle(const Work& work);

  struct Planned {
    size_t jobs = 0;           // that have transfers in the plan
    bool budget_used = false;  // the last of them continues in another plan
  };
  // Fills plan_ with the first job, for which the link must have been prepared, and as many of the jobs after it as can
  // be sent with it.
  Planned Plan(absl::Span<const Work> work, size_t budget);

  Probe& probe_;
  WireState& wire_;
  DpLink& link_;
  const Histogram* const batch_commands_;
  TransferPlan plan_;
};

}  // namespace probegate
