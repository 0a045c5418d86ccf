// Carries out the jobs of many sessions: plans as many as can be sent together, runs the plan on the probe, and
// recovers from failures.
//
// A job that fails does not keep those after it from running, unless it is posted (server/sharing/posted_failure.h).
//
// A turn is bounded: Run returns after kLongestTurn (server/sharing/work_bound.h) and leaves the rest for another turn,
// and what is done for a session that has ended is given up.
//
// Threads: one; in the server the lane's. Run blocks for as long as the probe takes.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "probe/probe.h"
#include "server/sharing/dp_link.h"
#include "server/sharing/session_state.h"
#include "server/sharing/transfer_job.h"
#include "server/sharing/transfer_plan.h"
#include "server/sharing/wire_state.h"
#include "server/sharing/work_bound.h"
#include "telemetry/metrics.h"

namespace probegate {

// How many transfers are sent to the probe before other sessions have their turn, at most: 4 KiB of memory, about 0.5
// ms on a fast probe.
inline constexpr size_t kSliceTransfers = 1024;

class JobRunner {
 public:
  // All arguments must outlive this. `bound` is what the probe asks. For each plan, `batch_commands` observes how many
  // jobs are sent to the probe together; null: not counted.
  JobRunner(Probe& probe, WireState& wire, DpLink& link, WorkBound& bound, const Histogram* batch_commands)
      : probe_(probe), wire_(wire), link_(link), bound_(bound), batch_commands_(batch_commands), plan_(wire) {}
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // A job and its session.
  struct Work {
    TransferJob* job;
    SessionState* session;
  };
  // Carries out the jobs in their order until each has finished, or the rest has to wait for the next call: the last
  // job after `budget` transfers, any job after kLongestTurn. Each call gets at least one packet done. The jobs of a
  // session that has ended fail with Interrupted(). Returns kProbeDisconnected once the probe is gone, else OK: other
  // failures are in the status of their jobs.
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
  absl::Status Prepare(const Work& leader);
  TransferResult Transfer();

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
  WorkBound& bound_;
  const Histogram* const batch_commands_;
  TransferPlan plan_;
  std::vector<const SessionState*> planned_;  // whose jobs are in the plan
};

}  // namespace probegate
