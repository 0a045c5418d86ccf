#include "server/sharing/transfer_plan.h"

#include <algorithm>

#include "probe/adi/registers.h"

namespace probegate {
namespace {

using Target = TransferStep::Target;

// What a plan may have beyond its budget: a packet of its own for the few words that CSW, TAR and SELECT in front of a
// block left no room for would cost more than they do here.
constexpr size_t kSmallRest = 16;

// ABORT, SELECT and RDBUFF are the same in every bank (ADIv5.2 §B2.2, table B2-3).
bool IsBanked(uint64_t address, bool write) {
  if (address == adi::kDpRdbuff) return false;
  if (address == adi::kDpSelect) return false;
  return !(write && address == adi::kDpAbort);
}

}  // namespace

void TransferPlan::Begin(size_t budget) {
  budget_ = budget;
  transfers_ = 0;
  ops_.clear();
  notes_.clear();
  undo_.clear();
  saved_tars_.clear();
  discovery_.reset();
  scratch_.clear();
}

TransferPlan::Added TransferPlan::Add(TransferJob& job, SessionState& session) {
  if (job.finished()) return Added::kAll;
  if (discovery_) return Added::kRunFirst;
  if (!ops_.empty() && transfers_ >= budget_) return Added::kPart;
  Fence();
  undo_.push_back({.job = &job,
                   .session = &session,
                   .step = job.step,
                   .step_done = job.step_done,
                   .bytes_done = job.bytes_done,
                   .select = session.select,
                   .ap = std::nullopt,
                   .had_view = false,
                   .view = {},
                   .had_wire_ap = false,
                   .wire_ap = {}});
  while (!job.finished()) {
    if (transfers_ >= budget_) return Added::kPart;
    if (const Added added = AddStep(job, session); added != Added::kAll) return added;
  }
  return Added::kAll;
}

TransferPlan::Added TransferPlan::AddStep(TransferJob& job, SessionState& session) {
  const TransferStep& step = job.steps[job.step];
  switch (step.target) {
    case Target::kDp:
      return AddDp(job, session, step);
    case Target::kAp:
      return AddAp(job, session, step);
    case Target::kMemory:
      return AddMemory(job, session, step);
  }
  return Added::kAll;
}

TransferPlan::Added TransferPlan::AddDp(TransferJob& job, SessionState& session, const TransferStep& step) {
  uint32_t* words = &job.words[step.first_word];
  const auto address = static_cast<uint8_t>(step.address);
  if (step.write && address == adi::kDpSelect) {
    session.select = words[step.word_count - 1];
    Advance(job, step, step.word_count, 0);
    return Added::kAll;
  }
  const uint32_t bank = session.select & adi::kSelectDpBankMask;
  const bool is_dpidr = !step.write && address == adi::kDpIdr && bank == 0;
  // Behind a line reset nothing may come before the read of DPIDR, and DPBANKSEL is 0 then (§B4.3.3). But perhaps there
  // was none, and DPIDR of version 3 is banked: so it is read in front of SELECT, and for what it is worth behind.
  const bool may_be_reset = is_dpidr && !wire_.select && !wire_.jtag;
  if (may_be_reset && wire_.adiv6()) {
    Push({.port = Port::kDp, .address = adi::kDpIdr, .write = {}, .read = absl::MakeSpan(&scratch_.emplace_back(), 1)});
  }
  if (IsBanked(address, step.write) && !(may_be_reset && !wire_.adiv6())) SelectDpBank(bank);
  TransferOp op{.port = Port::kDp, .address = address, .write = {}, .read = {}};
  // RESEND repeats whatever was read last, by whomever; what the session read last is kept for it.
  const bool is_rdbuff = !step.write && (address == adi::kDpRdbuff || address == adi::kDpResend);
  if (is_rdbuff) op.address = adi::kDpRdbuff;
  if (step.write) {
    op.write = absl::MakeConstSpan(words, step.word_count);
  } else {
    op.read = absl::MakeSpan(words, step.word_count);
  }
  Push(op, {.bytes_before = job.bytes_done,
            .reads_dpidr = is_dpidr,
            .reads_rdbuff = is_rdbuff,
            .reads_control_status = !step.write && address == adi::kDpCtrlStat && bank == 0});
  Advance(job, step, step.word_count, 0);
  return Added::kAll;
}

TransferPlan::Added TransferPlan::AddAp(TransferJob& job, SessionState& session, const TransferStep& step) {
  if (!wire_.dpidr) {
    // Which kind of AP address this is depends on the DP's version, so the DP is asked once; as in AddDp.
    if (wire_.jtag || wire_.select) SelectDpBank(0);
    Push({.port = Port::kDp, .address = adi::kDpIdr, .write = {}, .read = absl::MakeSpan(&scratch_.emplace_back(), 1)},
         {.reads_dpidr = true});
    return Added::kRunFirst;
  }
  const ApAddress address = ParseApAddress(step.address, wire_.adiv6());
  ApView* view = nullptr;
  if (address.offset && IsTransferRegister(*address.offset)) {
    if (!Identify(address.ap, session)) return Added::kRunFirst;
    if (wire_.identities[address.ap].is_mem_ap) {
      RememberAp(address.ap, session);
      view = &session.views[address.ap];
      // The plan itself reads this view's TAR back, so the value is not known before it has run.
      const auto saves_view = [view](const SavedTar& saved) { return saved.view == view; };
      if (std::any_of(saved_tars_.begin(), saved_tars_.end(), saves_view)) return Added::kRunFirst;
    }
  }

  const uint8_t offset = address.offset.value_or(adi::kApIdr);
  if (view != nullptr && step.write && offset == adi::kApTar) {
    WriteTarLater(job.words[step.first_word + step.word_count - 1], *view, wire_.aps[address.ap]);
    Advance(job, step, step.word_count, 4 * step.word_count);
    return Added::kAll;
  }
  if (view != nullptr && !(step.write && (offset == adi::kApCsw || offset == adi::kApTarHigh))) {
    SetForView(address.ap, *view, session);
  }

  const uint64_t register_address = step.address;
  SelectAp(register_address, session);
  const size_t count = Chunk(job, step);
  uint32_t* words = &job.words[step.first_word + job.step_done];
  TransferOp op{.port = Port::kAp, .address = adi::WireAddress(register_address), .write = {}, .read = {}};
  if (step.write) {
    op.write = absl::MakeConstSpan(words, count);
  } else {
    op.read = absl::MakeSpan(words, count);
  }
  OpNote note{.bytes_before = job.bytes_done, .bytes_per_transfer = 4, .reads_ap = !step.write};
  if (view != nullptr) {
    WireAp& wire = wire_.aps[address.ap];
    if (offset == adi::kApDrw) {
      if (wire.tar) note.target_address = (static_cast<uint64_t>(view->tar_high.value_or(0)) << 32) | *wire.tar;
      note.through_view = true;
      AdvanceThroughDrw(wire, view, wire_.identities[address.ap], count);
    } else if (step.write) {
      const uint32_t value = words[count - 1];
      if (offset == adi::kApCsw) wire.csw = view->csw = value;
      if (offset == adi::kApTarHigh) {
        wire.tar_high = view->tar_high = value;
        wire.tar_high_used = true;
      }
    }
  }
  Push(op, note);
  Advance(job, step, count, 4 * count);
  return Added::kAll;
}

TransferPlan::Added TransferPlan::AddMemory(TransferJob& job, SessionState& session, const TransferStep& step) {
  const ApId ap = session.memory_interfaces[*job.handle];
  if (!Identify(ap, session)) return Added::kRunFirst;
  RememberAp(ap, session);
  const ApIdentity& identity = wire_.identities[ap];
  const size_t count = Chunk(job, step);
  const auto unit = step.run.byte_count / step.run.transfers;
  const uint64_t address = step.run.address + job.step_done * unit;
  SetCsw(ap, adi::CswFor(identity.original_csw, step.run), session);
  SetTar(ap, address, nullptr, session);
  SelectAp(MakeApAddress(ap, adi::kApDrw, wire_.adiv6()), session);
  uint32_t* words = &job.words[step.first_word + job.step_done];
  if (!ExtendsLast(words, step.write)) {
    Push({.port = Port::kAp, .address = adi::kApDrw, .write = {}, .read = {}},
         {.bytes_before = job.bytes_done,
          .target_address = address,
          .bytes_per_transfer = static_cast<uint32_t>(unit),
          .reads_ap = !step.write});
  }
  Extend(words, count, step.write);
  AdvanceThroughDrw(wire_.aps[ap], nullptr, identity, count);
  Advance(job, step, count, count * unit);
  return Added::kAll;
}

// Where TAR counts on from one run into the next, the two are one op, so that the probe can keep packets in flight.
bool TransferPlan::ExtendsLast(const uint32_t* words, bool write) const {
  if (ops_.empty() || notes_.back().job != undo_.size() - 1 || notes_.back().bytes_per_transfer == 0) return false;
  const TransferOp& last = ops_.back();
  return write ? last.write.data() != nullptr && last.write.data() + last.write.size() == words
               : last.read.data() != nullptr && last.read.data() + last.read.size() == words;
}

void TransferPlan::Extend(uint32_t* words, size_t count, bool write) {
  TransferOp& op = ops_.back();
  if (write) {
    op.write = absl::MakeConstSpan(words - op.write.size(), op.write.size() + count);
  } else {
    op.read = absl::MakeSpan(words - op.read.size(), op.read.size() + count);
  }
  transfers_ += count;
}

void TransferPlan::Push(TransferOp op, OpNote note) {
  note.job = undo_.size() - 1;
  transfers_ += op.size();
  ops_.push_back(op);
  notes_.push_back(note);
}

size_t TransferPlan::Chunk(const TransferJob& job, const TransferStep& step) const {
  const size_t left = step.word_count - job.step_done;
  const size_t room = budget_ > transfers_ ? budget_ - transfers_ : 1;
  return left <= room || left - room <= kSmallRest ? left : room;
}

void TransferPlan::Advance(TransferJob& job, const TransferStep& step, size_t words, uint64_t bytes) {
  job.step_done += words;
  job.bytes_done += bytes;
  if (job.step_done >= step.word_count) {
    ++job.step;
    job.step_done = 0;
  }
}

void TransferPlan::RememberAp(ApId ap, SessionState& session) {
  Undo& undo = undo_.back();
  if (undo.ap) return;  // a job touches one AP
  undo.ap = ap;
  const auto view = session.views.find(ap);
  undo.had_view = view != session.views.end();
  if (undo.had_view) undo.view = view->second;
  const auto wire = wire_.aps.find(ap);
  undo.had_wire_ap = wire != wire_.aps.end();
  if (undo.had_wire_ap) undo.wire_ap = wire->second;
}

absl::Span<const uint32_t> TransferPlan::Scratch(uint32_t value) {
  return absl::MakeConstSpan(&scratch_.emplace_back(value), 1);
}

}  // namespace probegate
