// Carries out the jobs of many sessions: plans as many as go together, has the probe do the plan, and recovers from
// what failed.
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
  // Whatever is not null must outlive this. `batch_commands` (null: do not count) is told how many jobs go to the probe
  // together, each time that some do.
  JobRunner(Probe& probe, WireState& wire, DpLink& link, const Histogram* batch_commands)
      : probe_(probe), wire_(wire), link_(link), batch_commands_(batch_commands), plan_(wire) {}
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // One job and whose it is.
  struct Work {
    TransferJob* job;
    SessionState* session;
  };
  // Carries out the jobs in their order until each has finished or, after `budget` transfers, the rest has to wait for
  // the next call. Returns kProbeDisconnected once the probe is gone, else OK: what fails otherwise is the job's.
  absl::Status Run(absl::Span<const Work> work, size_t budget);

  // Carries out one job to its end; returns how it ended.
  absl::Status RunOne(SessionState& session, TransferJob job);

 private:
  // Whether the job can be planned at all.
  absl::Status Check(const SessionState& session, const TransferJob& job) const;
  // Called for the next job in order, perhaps after a posted one of its session that failed. True if it is finished, at
  // once or by now.
  bool Settle(const Work& work);

  struct Planned {
    size_t jobs = 0;           // that have transfers in the plan
    bool budget_used = false;  // the last of them goes on in another plan
  };
  // Fills plan_ with the first job, which must be fit to run, and as many of those after it as go along with it.
  Planned Plan(absl::Span<const Work> work, size_t budget);

  Probe& probe_;
  WireState& wire_;
  DpLink& link_;
  const Histogram* const batch_commands_;
  TransferPlan plan_;
};

}  // namespace probegate
