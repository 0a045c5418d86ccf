// How a plan went, and what to make of it.
#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/adi/registers.h"
#include "probe/error.h"
#include "server/transfer_plan.h"

namespace probegate {

SessionState* TransferPlan::Finish(const TransferResult& result) {
  size_t ops_done = 0;
  size_t before = 0;  // transfers in front of ops_[ops_done]
  if (result.status.ok()) {
    ops_done = ops_.size();
  } else {
    while (ops_done + 1 < ops_.size() && before + ops_[ops_done].size() <= result.completed) {
      before += ops_[ops_done++].size();
    }
  }
  ReadBack(ops_done);
  if (result.status.ok() || ops_.empty()) return nullptr;

  const OpNote& note = notes_[ops_done];
  for (size_t i = undo_.size(); i-- > note.job;) TakeBack(undo_[i]);
  const Undo& failed = undo_[note.job];
  wire_.Forget();
  if (note.through_view && failed.ap) {
    ApView& view = failed.session->views[*failed.ap];
    view.tar.reset();
    view.tar_on_wire = true;
    wire_.aps[*failed.ap].tar_owner = &view;
  }

  const size_t done_in_op = result.completed > before ? result.completed - before : 0;
  ErrorInfo info = GetError(result.status);
  std::string message(result.status.message());
  if (note.bytes_per_transfer > 0) info.completed_bytes = note.bytes_before + done_in_op * note.bytes_per_transfer;
  if (note.target_address) {
    info.fault_address = *note.target_address + done_in_op * note.bytes_per_transfer;
    absl::StrAppend(&message, " at ", Hex(*info.fault_address));
  }
  failed.job->Fail(MakeError(info, message));
  return failed.session;
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
      if (note.reads_rdbuff) word = session.last_ap_read.value_or(word);
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
