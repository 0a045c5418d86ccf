// A plan is a list of transfers that does several jobs of several sessions, in order, in as few packets as the probe
// can.
//
// Planning a job assumes that all before it goes well: it moves the wire's state, the session's and the job's on to
// where they will be. Each job leaves behind how to take that back; when the wire then says otherwise, everything from
// the job that failed is taken back and what the lane believes of the wire is forgotten. Jobs behind it are planned
// again.
//
// In between the jobs' own transfers the plan puts what keeps sessions apart: SELECT, CSW and TAR where the wire's
// differ from what the job's session believes, a read of TAR where another session's would be lost, and a read of
// RDBUFF behind one job's AP writes, because SWD posts them and a bus fault would otherwise show on the next job.
//
// So what WireState and SessionState say is a prediction from Add until Finish, and believed from then on.
//
// One thread; reused from plan to plan to save allocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "probe/probe.h"
#include "server/sharing/session_state.h"
#include "server/sharing/transfer_job.h"
#include "server/sharing/wire_state.h"

namespace probegate {

class TransferPlan {
 public:
  // The APs that are kept track of at once: as many as ADIv5 has. In ADIv6 a client could name a million.
  static constexpr size_t kMaxAps = 256;

  explicit TransferPlan(WireState& wire) : wire_(wire) {}
  TransferPlan(const TransferPlan&) = delete;
  TransferPlan& operator=(const TransferPlan&) = delete;

  // An empty plan for about `budget` transfers.
  void Begin(size_t budget);

  enum class Added : uint8_t {
    kAll,       // the rest of the job is in the plan
    kPart,      // the budget is used up; the job goes on in another plan
    kRunFirst,  // the plan must be carried out before this job can be planned (on)
  };
  // Both must outlive the plan's Finish.
  Added Add(TransferJob& job, SessionState& session);

  // What a posted job that is not carried out writes to SELECT, CSW or TAR: its session takes it for written.
  void Keep(const TransferJob& job, SessionState& session);

  bool empty() const { return ops_.empty(); }
  absl::Span<const TransferOp> ops() const { return ops_; }

  // Takes in how the plan went. Where it failed, the job concerned has been failed, with what is known of the place,
  // and so have those that nobody knows of whether they ran (TransferResult::uncertain). Returns the first such job's
  // session, or null where all went well.
  SessionState* Finish(const TransferResult& result);

 private:
  // How to take one job's planning back.
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
  // What is known of ops_[i] besides the transfer.
  struct OpNote {
    size_t job = 0;             // index into undo_
    uint64_t bytes_before = 0;  // the job's bytes_done in front of it
    std::optional<uint64_t> target_address;
    uint32_t bytes_per_transfer = 0;  // 0 for what is no data of the job's
    bool through_view = false;        // it moves TAR for the job's session
    bool reads_ap = false;            // its last word is what RDBUFF shows
    bool reads_dpidr = false;
    bool reads_rdbuff = false;
    bool reads_control_status = false;
  };
  struct SavedTar {
    size_t op;
    ApId ap;
    ApView* view;
  };
  struct Discovery {
    size_t first_op;  // three reads: IDR, CSW, TAR, with SELECT writes in between
    ApId ap;
    uint32_t idr = 0, csw = 0, tar = 0;
  };

  Added AddStep(TransferJob& job, SessionState& session);
  Added AddDp(TransferJob& job, SessionState& session, const TransferStep& step);
  Added AddAp(TransferJob& job, SessionState& session, const TransferStep& step);
  Added AddMemory(TransferJob& job, SessionState& session, const TransferStep& step);

  // False where the plan has to run before the AP's nature is known.
  bool Identify(ApId ap, const SessionState& session);
  void Select(uint32_t value);
  void SelectDpBank(uint32_t bank);
  void SelectAp(uint64_t register_address, const SessionState& session);
  void SetCsw(ApId ap, uint32_t value, const SessionState& session);
  void SetTar(ApId ap, uint64_t value, const ApView* for_view, const SessionState& session);
  // CSW and TAR as the view has them.
  void SetForView(ApId ap, ApView& view, const SessionState& session);
  static void WriteTarLater(uint32_t value, ApView& view, WireAp& wire);
  void SaveTarOfOthers(ApId ap, const ApView* for_view, const SessionState& session);
  void Fence();
  void Push(TransferOp op, OpNote note);
  void Push(TransferOp op) { Push(op, OpNote{}); }
  bool ExtendsLast(const uint32_t* words, bool write) const;
  void Extend(uint32_t* words, size_t count, bool write);
  // The next words of the job's current step, as far as the budget allows.
  size_t Chunk(const TransferJob& job, const TransferStep& step) const;
  void Advance(TransferJob& job, const TransferStep& step, size_t words, uint64_t bytes);
  void RememberAp(ApId ap, SessionState& session);
  absl::Span<const uint32_t> Scratch(uint32_t value);

  void TakeBack(const Undo& undo);
  // Takes over what the first `ops_done` ops have read.
  void ReadBack(size_t ops_done);
  void LoseTar(const OpNote& note);
  // `exact`: what failed is the transfer behind `done_in_op`, and none behind that.
  static absl::Status DescribeFailure(const absl::Status& status, const OpNote& note, size_t done_in_op, bool exact);
  // The job of the last op that has any of the first `transfers` transfers, `before` of which are in front of `op`.
  size_t LastJobWithin(size_t op, size_t before, size_t transfers) const;

  WireState& wire_;
  size_t budget_ = 0;
  size_t transfers_ = 0;
  std::vector<TransferOp> ops_;
  std::vector<OpNote> notes_;
  std::vector<Undo> undo_;
  std::vector<SavedTar> saved_tars_;
  std::optional<Discovery> discovery_;
  std::deque<uint32_t> scratch_;  // words of the plan's own transfers; a deque, since ops_ points into it
};

}  // namespace probegate
