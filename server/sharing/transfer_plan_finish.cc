// How a plan went, and what to make of it.
#include <string>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/adi/registers.h"
#include "probe/error.h"
#include "server/sharing/transfer_plan.h"

namespace probegate {

SessionState* TransferPlan::Finish(const TransferResult& result) {
  if (result.status.ok()) {
    ReadBack(ops_.size());
    return nullptr;
  }
  if (ops_.empty()) return nullptr;
  size_t before = 0;  // transfers in front of ops_[failed_op]
  size_t failed_op = 0;
  while (failed_op + 1 < ops_.size() && before + ops_[failed_op].size() <= result.completed) {
    before += ops_[failed_op++].size();
  }
  const size_t first_job = notes_[failed_op].job;
  for (size_t i = undo_.size(); i-- > first_job;) TakeBack(undo_[i]);
  ReadBack(failed_op);
  wire_.Forget();
  LoseTar(notes_[failed_op]);

  const size_t done_in_op = result.completed > before ? result.completed - before : 0;
  undo_[first_job].job->Fail(DescribeFailure(result.status, notes_[failed_op], done_in_op, result.uncertain == 0));
  // What may have run must not run again, and is not known to have.
  const size_t last_job = LastJobWithin(failed_op, before, result.completed + result.uncertain);
  for (size_t i = first_job + 1; i <= last_job; ++i) undo_[i].job->Fail(result.status);
  return undo_[first_job].session;
}

// Where TAR stands after a failure, only the wire knows.
void TransferPlan::LoseTar(const OpNote& note) {
  const Undo& undo = undo_[note.job];
  if (!note.through_view || !undo.ap) return;
  ApView& view = undo.session->views[*undo.ap];
  view.tar.reset();
  view.tar_on_wire = true;
  view.tar_due = false;
  wire_.aps[*undo.ap].tar_owner = &view;
}

absl::Status TransferPlan::DescribeFailure(const absl::Status& status, const OpNote& note, size_t done_in_op,
                                           bool exact) {
  ErrorInfo info = GetError(status);
  std::string message(status.message());
  if (note.bytes_per_transfer > 0) info.completed_bytes = note.bytes_before + done_in_op * note.bytes_per_transfer;
  if (note.target_address && exact) {
    info.fault_address = *note.target_address + done_in_op * note.bytes_per_transfer;
    absl::StrAppend(&message, " at ", Hex(*info.fault_address));
  }
  return MakeError(info, message);
}

size_t TransferPlan::LastJobWithin(size_t op, size_t before, size_t transfers) const {
  size_t last = notes_[op].job;
  for (; op < ops_.size() && before < transfers; before += ops_[op++].size()) last = notes_[op].job;
  return last;
}

void TransferPlan::ReadBack(size_t ops_done) {
  for (size_t i = 0; i < ops_done; ++i) {
    const OpNote& note = notes_[i];
    if (note.reads_dpidr) {
      wire_.dpidr = ops_[i].read.back();
      wire_.link = Link::kUp;
    }
    SessionState& session = *undo_[note.job].session;
    if (note.reads_ap) session.last_ap_read = ops_[i].read.back();
    for (uint32_t& word : ops_[i].read) {
      if (note.reads_rdbuff) word = session.last_ap_read.value_or(0);
      if (note.reads_control_status) word = VisiblePower(word, session.power);
    }
  }
  for (const SavedTar& saved : saved_tars_) {
    if (saved.op < ops_done) {
      saved.view->tar = ops_[saved.op].read.front();
      saved.view->tar_on_wire = false;
    } else {
      wire_.aps[saved.ap].tar_owner = saved.view;
    }
  }
  if (discovery_ && ops_done == ops_.size()) {
    ApIdentity identity{.idr = discovery_->idr, .is_mem_ap = adi::IsMemAp(discovery_->idr)};
    if (identity.is_mem_ap) {
      identity.page = adi::TarIncrementPage(discovery_->idr);
      identity.original_csw = discovery_->csw;
      identity.original_tar = discovery_->tar;
      WireAp& wire = wire_.aps[discovery_->ap];
      wire.csw = discovery_->csw;
      wire.tar = discovery_->tar;
    }
    wire_.identities[discovery_->ap] = identity;
  }
}

void TransferPlan::TakeBack(const Undo& undo) {
  undo.job->step = undo.step;
  undo.job->step_done = undo.step_done;
  undo.job->bytes_done = undo.bytes_done;
  undo.session->select = undo.select;
  if (!undo.ap) return;
  if (undo.had_view) {
    undo.session->views[*undo.ap] = undo.view;
  } else {
    undo.session->views.erase(*undo.ap);
  }
  if (undo.had_wire_ap) {
    wire_.aps[*undo.ap] = undo.wire_ap;
  } else {
    wire_.aps.erase(*undo.ap);
  }
}

}  // namespace probegate
