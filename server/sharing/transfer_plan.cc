#include "server/sharing/transfer_plan.h"

#include "probe/adi/registers.h"

namespace probegate {
namespace {

using Target = TransferStep::Target;

// How far a plan may exceed its budget. If the writes of CSW, TAR and SELECT before a block leave no room for its last
// few words, these cost less here than in a packet of their own.
constexpr size_t kSmallRest = 16;

// ABORT, SELECT and RDBUFF are the same in every bank (ADIv5.2 §B2.2, table B2-3).
bool IsBanked(uint64_t address, bool write) {
  if (address == adi::kDpRdbuff) return false;
  if (address == adi::kDpSelect) return false;
  return !(write && address == adi::kDpAbort);
}

TransferOp MakeOp(Port port, uint8_t address, bool write, uint32_t* words, size_t count) {
  TransferOp op{.port = port, .address = address, .write = {}, .read = {}};
  if (write) {
    op.write = absl::MakeConstSpan(words, count);
  } else {
    op.read = absl::MakeSpan(words, count);
  }
  return op;
}

}  // namespace

void TransferPlan::Begin(size_t budget) {
  budget_ = budget;
  ops_.Clear();
}

TransferPlan::Added TransferPlan::Add(TransferJob& job, SessionState& session) {
  if (job.finished()) return Added::kAll;
  if (ops_.has_discovery()) return Added::kRunFirst;
  if (!ops_.empty() && ops_.transfers() >= budget_) return Added::kPart;
  registers_.Fence();
  ops_.BeginJob(job, session);
  while (!job.finished()) {
    if (ops_.transfers() >= budget_) return Added::kPart;
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
    session.dp().select = words[step.word_count - 1];
    Advance(job, step, step.word_count, 0);
    return Added::kAll;
  }
  const uint32_t bank = session.dp().select & adi::kSelectDpBankMask;
  const bool is_dpidr = !step.write && address == adi::kDpIdr && bank == 0;
  // After a line reset nothing may come before the read of DPIDR, and DPBANKSEL is 0 then (§B4.3.3). But perhaps there
  // was no line reset, and DPIDR of version 3 is banked: so it is read before SELECT is written, in case there was one,
  // and again after it, for its value.
  const bool may_be_reset = is_dpidr && !wire_.select && !wire_.jtag;
  if (may_be_reset && wire_.adiv6()) ops_.PushRead(Port::kDp, adi::kDpIdr);
  if (IsBanked(address, step.write) && !(may_be_reset && !wire_.adiv6())) registers_.SelectDpBank(bank);
  // RESEND repeats whatever any session read last; each session gets the value that it read last itself.
  const bool is_rdbuff = !step.write && (address == adi::kDpRdbuff || address == adi::kDpResend);
  ops_.Push(MakeOp(Port::kDp, is_rdbuff ? adi::kDpRdbuff : address, step.write, words, step.word_count),
            {.bytes_before = job.bytes_done,
             .reads_dpidr = is_dpidr,
             .reads_rdbuff = is_rdbuff,
             .reads_control_status = !step.write && address == adi::kDpCtrlStat && bank == 0});
  Advance(job, step, step.word_count, 0);
  return Added::kAll;
}

TransferPlan::Added TransferPlan::AddAp(TransferJob& job, SessionState& session, const TransferStep& step) {
  if (!wire_.dp().dpidr) {
    // What the AP address means depends on the DP's version, so DPIDR is read once, as in AddDp.
    if (wire_.jtag || wire_.select) registers_.SelectDpBank(0);
    ops_.PushRead(Port::kDp, adi::kDpIdr, {.reads_dpidr = true});
    return Added::kRunFirst;
  }
  const ApAddress address = ParseApAddress(step.address, wire_.adiv6());
  ApView* view = nullptr;
  if (address.offset && IsTransferRegister(*address.offset)) {
    if (!registers_.Identify(address.ap, session)) return Added::kRunFirst;
    if (wire_.dp().identities[address.ap].is_mem_ap) {
      ops_.RememberAp(address.ap);
      view = &session.dp().views[address.ap];
      if (ops_.ReadsTarOf(*view)) return Added::kRunFirst;
    }
  }
  if (view != nullptr) {
    if (step.write && *address.offset == adi::kApTar) {
      WireRegisters::WriteTarLater(job.words[step.first_word + step.word_count - 1], *view, wire_.dp().aps[address.ap]);
      Advance(job, step, step.word_count, 4 * step.word_count);
      return Added::kAll;
    }
    const bool sets_view = step.write && (*address.offset == adi::kApCsw || *address.offset == adi::kApTarHigh);
    if (!sets_view) registers_.SetForView(address.ap, *view, session);
  }
  registers_.SelectAp(step.address, session);
  AddApAccess(job, step, address, view);
  return Added::kAll;
}

void TransferPlan::AddApAccess(TransferJob& job, const TransferStep& step, const ApAddress& address, ApView* view) {
  const size_t count = Chunk(job, step);
  uint32_t* words = &job.words[step.first_word + job.step_done];
  OpNote note{.bytes_before = job.bytes_done, .bytes_per_transfer = 4, .reads_ap = !step.write};
  if (view != nullptr) {
    WireAp& wire = wire_.dp().aps[address.ap];
    if (*address.offset == adi::kApDrw) {
      if (wire.tar) note.target_address = (static_cast<uint64_t>(view->tar_high.value_or(0)) << 32) | *wire.tar;
      note.through_view = true;
      AdvanceThroughDrw(wire, view, wire_.dp().identities[address.ap], count);
    } else if (step.write) {
      const uint32_t value = words[count - 1];
      if (*address.offset == adi::kApCsw) wire.csw = view->csw = value;
      if (*address.offset == adi::kApTarHigh) {
        wire.tar_high = view->tar_high = value;
        wire.tar_high_used = true;
      }
    }
  }
  ops_.Push(MakeOp(Port::kAp, adi::WireAddress(step.address), step.write, words, count), note);
  Advance(job, step, count, 4 * count);
}

TransferPlan::Added TransferPlan::AddMemory(TransferJob& job, SessionState& session, const TransferStep& step) {
  const MemoryAccess& access = session.memory_interfaces[*job.handle];
  const ApId ap = access.ap;
  if (!registers_.Identify(ap, session)) return Added::kRunFirst;
  ops_.RememberAp(ap);
  if (!registers_.LearnAttributes(ap, session)) return Added::kRunFirst;
  if (step.word_count == 0) {
    Advance(job, step, 0, 0);
    return Added::kAll;
  }
  const ApIdentity& identity = wire_.dp().identities[ap];
  const size_t count = Chunk(job, step);
  const auto unit = step.run.byte_count / step.run.transfers;
  const uint64_t address = step.run.address + job.step_done * unit;
  adi::AccessAttributes attributes = access.attributes;
  if (job.secure_instead) attributes.secure = job.secure_instead;
  registers_.SetCsw(ap, adi::CswFor(identity.attributes->Csw(attributes), step.run), session);
  registers_.SetTar(ap, address, session);
  registers_.SelectAp(MakeApAddress(ap, adi::kApDrw, wire_.adiv6()), session);
  uint32_t* words = &job.words[step.first_word + job.step_done];
  // If TAR counts on from one run into the next, the two are one op.
  if (ops_.ExtendsLast(words, step.write)) {
    ops_.ExtendLast(words, count, step.write);
  } else {
    ops_.Push(MakeOp(Port::kAp, adi::kApDrw, step.write, words, count),
              {.bytes_before = job.bytes_done,
               .target_address = address,
               .bytes_per_transfer = static_cast<uint32_t>(unit),
               .reads_ap = !step.write});
  }
  AdvanceThroughDrw(wire_.dp().aps[ap], nullptr, identity, count);
  Advance(job, step, count, count * unit);
  return Added::kAll;
}

void TransferPlan::Keep(const TransferJob& job, SessionState& session) {
  if (job.steps.empty()) return;
  const TransferStep& step = job.steps.front();
  const uint32_t value = job.words.back();
  if (step.target == Target::kDp && step.address == adi::kDpSelect) session.dp().select = value;
  if (step.target != Target::kAp || !wire_.dp().dpidr) return;
  const ApAddress address = ParseApAddress(step.address, wire_.adiv6());
  if (!address.offset || !IsTransferRegister(*address.offset)) return;
  // An AP that is not identified yet may turn out to be a MEM-AP.
  const auto identity = wire_.dp().identities.find(address.ap);
  if (identity != wire_.dp().identities.end() && !identity->second.is_mem_ap) return;
  if (session.dp().views.size() >= kMaxAps && !session.dp().views.contains(address.ap)) return;
  ApView& view = session.dp().views[address.ap];
  if (*address.offset == adi::kApCsw) view.csw = value;
  if (*address.offset == adi::kApTar) WireRegisters::WriteTarLater(value, view, wire_.dp().aps[address.ap]);
  if (*address.offset == adi::kApTarHigh) view.tar_high = value;
}

size_t TransferPlan::Chunk(const TransferJob& job, const TransferStep& step) const {
  const size_t left = step.word_count - job.step_done;
  const size_t room = budget_ > ops_.transfers() ? budget_ - ops_.transfers() : 1;
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

}  // namespace probegate
