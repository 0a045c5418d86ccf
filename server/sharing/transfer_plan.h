// A plan is a list of transfers that carries out several jobs of several sessions, in order, in as few packets as the
// probe can.
//
// Planning a job assumes that everything before it succeeds: it changes the state of the wire, of the session and of
// the job to what they will then be. If a transfer fails, everything from the failed job on is undone, and what the
// lane believes about the wire is forgotten; the jobs after the failed one are planned again. So WireState and
// SessionState are a prediction from Add until Finish, and believed from then on.
//
// This class decides what each job needs. WireRegisters adds what keeps sessions apart (SELECT, CSW, TAR and the
// fence), and PlannedOps holds the list and undoes it.
//
// One thread; reused from plan to plan to save allocations.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "probe/probe.h"
#include "server/sharing/planned_ops.h"
#include "server/sharing/session_state.h"
#include "server/sharing/transfer_job.h"
#include "server/sharing/wire_registers.h"
#include "server/sharing/wire_state.h"

namespace probegate {

class TransferPlan {
 public:
  // How many APs are tracked at once: as many as ADIv5 has. In ADIv6 a client could name a million.
  static constexpr size_t kMaxAps = 256;

  // `wire` must outlive this.
  explicit TransferPlan(WireState& wire) : wire_(wire), ops_(wire), registers_(wire, ops_) {}
  TransferPlan(const TransferPlan&) = delete;
  TransferPlan& operator=(const TransferPlan&) = delete;

  // An empty plan for about `budget` transfers.
  void Begin(size_t budget);

  enum class Added : uint8_t {
    kAll,       // the rest of the job is in the plan
    kPart,      // the budget is used up; the job continues in another plan
    kRunFirst,  // the plan must be carried out before this job can be planned (on)
  };
  // Both must outlive the plan's Finish.
  Added Add(TransferJob& job, SessionState& session);

  // For a posted job that is not carried out: if it writes SELECT, CSW or TAR, the value is kept as the session's,
  // because its client believes that it was written.
  void Keep(const TransferJob& job, SessionState& session);

  bool empty() const { return ops_.empty(); }
  // It finds out something about an AP, for which all of it must be carried out.
  bool discovers() const { return ops_.has_discovery(); }
  absl::Span<const TransferOp> ops() const { return ops_.ops(); }

  // Processes the plan's result. If it failed, the failed job gets the error, with what is known about the place, and
  // so do the jobs that may or may not have run (TransferResult::uncertain). Returns the session of the first such job,
  // or null if all went well.
  SessionState* Finish(const TransferResult& result) { return ops_.Finish(result); }

  // The plan was interrupted after `completed` transfers, all of which are done. The jobs go on from there in another
  // plan.
  void Interrupt(size_t completed) { ops_.Interrupt(completed); }

 private:
  Added AddStep(TransferJob& job, SessionState& session);
  Added AddDp(TransferJob& job, SessionState& session, const TransferStep& step);
  Added AddAp(TransferJob& job, SessionState& session, const TransferStep& step);
  Added AddMemory(TransferJob& job, SessionState& session, const TransferStep& step);

  // One op with the next `count` words of an AP register's step. `view`: the session's of a MEM-AP, if the register
  // depends on it; else null.
  void AddApAccess(TransferJob& job, const TransferStep& step, const ApAddress& address, ApView* view);

  // The next words of the job's current step, as far as the budget allows.
  size_t Chunk(const TransferJob& job, const TransferStep& step) const;
  static void Advance(TransferJob& job, const TransferStep& step, size_t words, uint64_t bytes);

  WireState& wire_;
  PlannedOps ops_;
  WireRegisters registers_;
  size_t budget_ = 0;
};

}  // namespace probegate
