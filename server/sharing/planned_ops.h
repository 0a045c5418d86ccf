// The transfers of one plan: for each transfer, the job that it belongs to and what it means; for each job, how to undo
// its planning.
//
// TransferPlan and WireRegisters fill the list. They move the state of the wire, of the sessions and of the jobs on as
// if every transfer succeeded. Finish compares that prediction with what happened: it stores what was read; if a
// transfer failed, it restores the state from before the failed job and forgets what was believed of the wire.
//
// One thread; reused from plan to plan to save allocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "probe/probe.h"
#include "server/sharing/session_state.h"
#include "server/sharing/transfer_job.h"
#include "server/sharing/wire_state.h"

namespace probegate {

// What is known of an op beyond the transfer itself.
struct OpNote {
  uint64_t bytes_before = 0;               // the job's bytes_done before this op
  std::optional<uint64_t> target_address;  // of the op's first access
  uint32_t bytes_per_transfer = 0;         // 0 if the op carries none of the job's data
  bool through_view = false;               // it moves TAR for the job's session
  bool reads_ap = false;                   // RDBUFF shows its last word from then on
  bool reads_dpidr = false;
  bool reads_rdbuff = false;
  bool reads_control_status = false;
};

class PlannedOps {
 public:
  // `wire` must outlive this.
  explicit PlannedOps(WireState& wire) : wire_(wire) {}
  PlannedOps(const PlannedOps&) = delete;
  PlannedOps& operator=(const PlannedOps&) = delete;

  void Clear();

  // All ops from here on are for `job`. Both must outlive Finish.
  void BeginJob(TransferJob& job, SessionState& session);

  // Called before the current job first changes what is believed of `ap`, on the wire or in its session's view. A job
  // touches one AP.
  void RememberAp(ApId ap);

  void Push(const TransferOp& op, const OpNote& note = {});
  // One transfer that writes `value`, which the list stores.
  void PushWrite(Port port, uint8_t address, uint32_t value);
  // One read whose value no job wants.
  void PushRead(Port port, uint8_t address, const OpNote& note = {});
  // Reads TAR of `ap` for the owner of `view`; Finish stores it in the view.
  void PushReadOfTar(ApId ap, ApView& view);

  // Whether `words` continue the data of the last op, and that op belongs to the current job. Then the two can be one
  // op, so that the probe keeps its packets in flight.
  bool ExtendsLast(const uint32_t* words, bool write) const;
  void ExtendLast(uint32_t* words, size_t count, bool write);

  // Reads of IDR, CSW and TAR of `ap` follow, into the returned words. Finish then knows what the AP is. At most one AP
  // per plan.
  struct Discovery {
    ApId ap = 0;
    uint32_t idr = 0, csw = 0, tar = 0;
  };
  Discovery& BeginDiscovery(ApId ap);
  // A trial of CSW of `ap` follows (ApAttributes), which reads CSW into the returned word. Finish then knows the AP's
  // attributes. At most one per plan.
  uint32_t& BeginAttributeTrial(ApId ap);
  bool has_discovery() const { return discovery_ || attribute_trial_; }

  // Whether the plan itself reads this view's TAR, so that the value is unknown until it has run.
  bool ReadsTarOf(const ApView& view) const;

  bool empty() const { return ops_.empty(); }
  absl::Span<const TransferOp> ops() const { return ops_; }
  size_t transfers() const { return transfers_; }

  // See TransferPlan::Finish and TransferPlan::Interrupt.
  SessionState* Finish(const TransferResult& result);
  void Interrupt(size_t completed);

 private:
  // How to undo one job's planning.
  struct Undo {
    TransferJob* job;
    SessionState* session;
    size_t step, step_done;
    uint64_t bytes_done;
    uint32_t select;
    std::optional<ApId> ap;
    bool had_view;
    ApView view;
    bool had_wire_ap;
    WireAp wire_ap;
  };
  struct Entry {
    size_t job;  // index into undo_
    OpNote note;
  };
  struct AttributeTrial {
    ApId ap;
    uint32_t csw;
  };
  struct SavedTar {
    size_t op;  // index into ops_
    ApId ap;
    ApView* view;
  };

  // Where a plan of which `completed` transfers are done has stopped.
  struct Place {
    size_t op;      // index into ops_
    size_t word;    // of that op, how many are done
    size_t before;  // transfers before that op
  };
  Place PlaceAfter(size_t completed) const;
  // Takes back the planning of `first_job` and those after it, and stores what the ops before `op` have read.
  void TakeBackFrom(size_t first_job, size_t op);
  void TakeBack(const Undo& undo);
  // How many words of the job's data were done, if the plan stopped there; nothing if the plan had none done.
  std::optional<size_t> WordsDone(size_t job, const Place& place) const;
  // Stores what the first `ops_done` ops have read.
  void ReadBack(size_t ops_done);
  void ReadBackTars(size_t ops_done);
  void ReadBackDiscovery(const Discovery& discovery);
  void ReadBackTrial(const AttributeTrial& trial);
  // If the first access of the job may have got FAULT because it was secure, or because it was not, and its user has
  // not asked for either: lets it run once more as the other kind, and returns true. `done`: transfers of the entry.
  bool TryOtherSecurity(const Entry& failed, size_t done, const TransferResult& result);
  // Of a job that has a handle.
  static const MemoryAccess& MemoryAccessOf(const Undo& undo);
  void LoseTar(const Entry& entry);
  // `exact`: the transfer after `done_in_op` failed, and none after it has run.
  static absl::Status DescribeFailure(const absl::Status& status, const OpNote& note, size_t done_in_op, bool exact);
  // The job of the last op that has any of the first `transfers` transfers; `before` of them come before `op`.
  size_t LastJobWithin(size_t op, size_t before, size_t transfers) const;

  WireState& wire_;
  size_t transfers_ = 0;
  std::vector<TransferOp> ops_;
  std::vector<Entry> entries_;  // one for each of ops_
  std::vector<Undo> undo_;      // one for each job
  std::vector<SavedTar> saved_tars_;
  std::optional<Discovery> discovery_;
  std::optional<AttributeTrial> attribute_trial_;
  std::deque<uint32_t> scratch_;  // words of the plan's own transfers; a deque, because ops_ points into it
};

}  // namespace probegate
