#include "server/sharing/planned_ops.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/adi/registers.h"
#include "probe/error.h"

namespace probegate {

void PlannedOps::Clear() {
  transfers_ = 0;
  ops_.clear();
  entries_.clear();
  undo_.clear();
  saved_tars_.clear();
  discovery_.reset();
  attribute_trial_.reset();
  scratch_.clear();
}

const MemoryAccess& PlannedOps::MemoryAccessOf(const Undo& undo) {
  return undo.session->memory_interfaces[*undo.job->handle];
}

void PlannedOps::BeginJob(TransferJob& job, SessionState& session) {
  undo_.push_back({.job = &job,
                   .session = &session,
                   .step = job.step,
                   .step_done = job.step_done,
                   .bytes_done = job.bytes_done,
                   .select = session.dp().select,
                   .ap = std::nullopt,
                   .had_view = false,
                   .view = {},
                   .had_wire_ap = false,
                   .wire_ap = {}});
}

void PlannedOps::RememberAp(ApId ap) {
  Undo& undo = undo_.back();
  if (undo.ap) return;
  undo.ap = ap;
  const auto view = undo.session->dp().views.find(ap);
  undo.had_view = view != undo.session->dp().views.end();
  if (undo.had_view) undo.view = view->second;
  const auto wire = wire_.dp().aps.find(ap);
  undo.had_wire_ap = wire != wire_.dp().aps.end();
  if (undo.had_wire_ap) undo.wire_ap = wire->second;
}

void PlannedOps::Push(const TransferOp& op, const OpNote& note) {
  transfers_ += op.size();
  ops_.push_back(op);
  entries_.push_back({.job = undo_.size() - 1, .note = note});
}

void PlannedOps::PushWrite(Port port, uint8_t address, uint32_t value) {
  const uint32_t& word = scratch_.emplace_back(value);
  Push({.port = port, .address = address, .write = absl::MakeConstSpan(&word, 1), .read = {}});
}

void PlannedOps::PushRead(Port port, uint8_t address, const OpNote& note) {
  uint32_t& word = scratch_.emplace_back();
  Push({.port = port, .address = address, .write = {}, .read = absl::MakeSpan(&word, 1)}, note);
}

void PlannedOps::PushReadOfTar(ApId ap, ApView& view) {
  saved_tars_.push_back({.op = ops_.size(), .ap = ap, .view = &view});
  PushRead(Port::kAp, adi::WireAddress(MakeApAddress(ap, adi::kApTar, wire_.adiv6())));
}

bool PlannedOps::ExtendsLast(const uint32_t* words, bool write) const {
  if (ops_.empty() || entries_.back().job != undo_.size() - 1 || entries_.back().note.bytes_per_transfer == 0) {
    return false;
  }
  const TransferOp& last = ops_.back();
  return write ? last.write.data() != nullptr && last.write.data() + last.write.size() == words
               : last.read.data() != nullptr && last.read.data() + last.read.size() == words;
}

void PlannedOps::ExtendLast(uint32_t* words, size_t count, bool write) {
  TransferOp& op = ops_.back();
  if (write) {
    op.write = absl::MakeConstSpan(words - op.write.size(), op.write.size() + count);
  } else {
    op.read = absl::MakeSpan(words - op.read.size(), op.read.size() + count);
  }
  transfers_ += count;
}

PlannedOps::Discovery& PlannedOps::BeginDiscovery(ApId ap) { return discovery_.emplace(Discovery{.ap = ap}); }

uint32_t& PlannedOps::BeginAttributeTrial(ApId ap) {
  return attribute_trial_.emplace(AttributeTrial{.ap = ap, .csw = 0}).csw;
}

bool PlannedOps::ReadsTarOf(const ApView& view) const {
  return std::any_of(saved_tars_.begin(), saved_tars_.end(),
                     [&view](const SavedTar& saved) { return saved.view == &view; });
}

SessionState* PlannedOps::Finish(const TransferResult& result) {
  if (result.status.ok()) {
    ReadBack(ops_.size());
    return nullptr;
  }
  if (ops_.empty()) return nullptr;
  const Place place = PlaceAfter(result.completed);
  const Entry& failed = entries_[place.op];
  const size_t first_job = failed.job;
  TakeBackFrom(first_job, place.op);
  LoseTar(failed);

  if (!TryOtherSecurity(failed, place.word, result)) {
    undo_[first_job].job->Fail(DescribeFailure(result.status, failed.note, place.word, result.uncertain == 0));
  }
  // A job that may have run must not run again, so it fails, although it may have succeeded.
  const size_t last_job = LastJobWithin(place.op, place.before, result.completed + result.uncertain);
  for (size_t i = first_job + 1; i <= last_job; ++i) undo_[i].job->Fail(result.status);
  return undo_[first_job].session;
}

void PlannedOps::Interrupt(size_t completed) {
  if (ops_.empty()) return;
  const Place place = PlaceAfter(completed);
  const Entry& entry = entries_[place.op];
  const Undo& undo = undo_[entry.job];
  const std::optional<size_t> words = WordsDone(entry.job, place);
  TakeBackFrom(entry.job, place.op);
  if (words) undo.job->ContinueFrom(*words);
  if (place.word == 0) return;
  LoseTar(entry);
  if (entry.note.reads_ap) undo.session->dp().last_ap_read = ops_[place.op].read[place.word - 1];
}

PlannedOps::Place PlannedOps::PlaceAfter(size_t completed) const {
  Place place{.op = 0, .word = 0, .before = 0};
  while (place.op + 1 < ops_.size() && place.before + ops_[place.op].size() <= completed) {
    place.before += ops_[place.op++].size();
  }
  place.word = completed > place.before ? completed - place.before : 0;
  return place;
}

void PlannedOps::TakeBackFrom(size_t first_job, size_t op) {
  for (size_t i = undo_.size(); i-- > first_job;) TakeBack(undo_[i]);
  ReadBack(op);
  wire_.Forget();
}

std::optional<size_t> PlannedOps::WordsDone(size_t job, const Place& place) const {
  const std::vector<uint32_t>& words = undo_[job].job->words;
  for (size_t i = place.op + 1; i-- > 0 && entries_[i].job == job;) {
    const uint32_t* data = ops_[i].is_read() ? ops_[i].read.data() : ops_[i].write.data();
    const size_t done = i == place.op ? place.word : ops_[i].size();
    // Comparing pointers into different arrays needs std::less.
    const std::less<> less;
    const bool is_data = !less(data, words.data()) && less(data, words.data() + words.size());
    if (is_data && done > 0) return static_cast<size_t>(data - words.data()) + done;
  }
  return std::nullopt;
}

bool PlannedOps::TryOtherSecurity(const Entry& failed, size_t done, const TransferResult& result) {
  const Undo& undo = undo_[failed.job];
  const OpNote& note = failed.note;
  const bool nothing_done = note.bytes_per_transfer > 0 && note.bytes_before + done == 0 && result.uncertain == 0;
  if (!nothing_done || !undo.job->handle || !IsError(result.status, ErrorKind::kTransferFault)) return false;
  const MemoryAccess& access = MemoryAccessOf(undo);
  const auto& attributes = wire_.dp().identities[access.ap].attributes;
  if (access.attributes.secure || undo.job->secure_instead) return false;
  if (!attributes || !attributes->has_security_choice()) return false;
  undo.job->secure_instead = !attributes->secure_by_default();
  return true;
}

// After a failure only the wire knows what TAR holds.
void PlannedOps::LoseTar(const Entry& entry) {
  const Undo& undo = undo_[entry.job];
  if (!entry.note.through_view || !undo.ap) return;
  ApView& view = undo.session->dp().views[*undo.ap];
  view.tar.reset();
  view.tar_on_wire = true;
  view.tar_due = false;
  wire_.dp().aps[*undo.ap].tar_owner = &view;
}

absl::Status PlannedOps::DescribeFailure(const absl::Status& status, const OpNote& note, size_t done_in_op,
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

size_t PlannedOps::LastJobWithin(size_t op, size_t before, size_t transfers) const {
  size_t last = entries_[op].job;
  for (; op < ops_.size() && before < transfers; before += ops_[op++].size()) last = entries_[op].job;
  return last;
}

void PlannedOps::ReadBack(size_t ops_done) {
  for (size_t i = 0; i < ops_done; ++i) {
    const auto& [job, note] = entries_[i];
    if (note.reads_dpidr) {
      wire_.dp().dpidr = ops_[i].read.back();
      wire_.link = Link::kUp;
    }
    SessionState& session = *undo_[job].session;
    session.trail.Clear();
    if (note.reads_ap) session.dp().last_ap_read = ops_[i].read.back();
    if (const TransferJob& of = *undo_[job].job; of.secure_instead && note.bytes_per_transfer > 0) {
      wire_.dp().identities[MemoryAccessOf(undo_[job]).ap].attributes->SetSecureByDefault(*of.secure_instead);
    }
    for (uint32_t& word : ops_[i].read) {
      if (note.reads_rdbuff) word = session.dp().last_ap_read.value_or(0);
      if (note.reads_control_status) word = VisiblePower(word, session.dp().power);
    }
  }
  ReadBackTars(ops_done);
  if (discovery_ && ops_done == ops_.size()) ReadBackDiscovery(*discovery_);
  if (attribute_trial_ && ops_done == ops_.size()) ReadBackTrial(*attribute_trial_);
}

void PlannedOps::ReadBackTars(size_t ops_done) {
  for (const SavedTar& saved : saved_tars_) {
    if (saved.op < ops_done) {
      saved.view->tar = ops_[saved.op].read.front();
      saved.view->tar_on_wire = false;
    } else {
      wire_.dp().aps[saved.ap].tar_owner = saved.view;
    }
  }
}

void PlannedOps::ReadBackDiscovery(const Discovery& discovery) {
  ApIdentity identity{.idr = discovery.idr, .is_mem_ap = adi::IsMemAp(discovery.idr)};
  if (identity.is_mem_ap) {
    identity.page = adi::TarIncrementPage(discovery.idr);
    identity.original_csw = discovery.csw;
    identity.original_tar = discovery.tar;
    WireAp& wire = wire_.dp().aps[discovery.ap];
    wire.csw = discovery.csw;
    wire.tar = discovery.tar;
  }
  wire_.dp().identities[discovery.ap] = identity;
}

void PlannedOps::ReadBackTrial(const AttributeTrial& trial) {
  ApIdentity& identity = wire_.dp().identities[trial.ap];
  identity.attributes.emplace(identity.idr, identity.original_csw, trial.csw);
  wire_.dp().aps[trial.ap].csw = trial.csw;
}

void PlannedOps::TakeBack(const Undo& undo) {
  undo.job->step = undo.step;
  undo.job->step_done = undo.step_done;
  undo.job->bytes_done = undo.bytes_done;
  undo.session->dp().select = undo.select;
  if (!undo.ap) return;
  if (undo.had_view) {
    undo.session->dp().views[*undo.ap] = undo.view;
  } else {
    undo.session->dp().views.erase(*undo.ap);
  }
  if (undo.had_wire_ap) {
    wire_.dp().aps[*undo.ap] = undo.wire_ap;
  } else {
    wire_.dp().aps.erase(*undo.ap);
  }
}

}  // namespace probegate
