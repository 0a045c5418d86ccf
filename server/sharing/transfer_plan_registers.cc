// What a plan puts between the jobs' own transfers: SELECT, CSW, TAR, and the fence.
#include <utility>

#include "probe/adi/registers.h"
#include "server/sharing/transfer_plan.h"

namespace probegate {
bool TransferPlan::Identify(ApId ap, const SessionState& session) {
  if (wire_.identities.contains(ap)) return true;
  discovery_ = Discovery{.first_op = ops_.size(), .ap = ap};
  const bool adiv6 = wire_.adiv6();
  // Reading these changes nothing in any AP that Arm defines; whether they are CSW and TAR, the IDR tells afterwards.
  for (const auto& [offset, destination] :
       {std::pair{adi::kApIdr, &discovery_->idr}, std::pair{adi::kApCsw, &discovery_->csw},
        std::pair{adi::kApTar, &discovery_->tar}}) {
    const uint64_t address = MakeApAddress(ap, offset, adiv6);
    SelectAp(address, session);
    Push(
        {.port = Port::kAp, .address = adi::WireAddress(address), .write = {}, .read = absl::MakeSpan(destination, 1)});
  }
  return false;
}

void TransferPlan::Select(uint32_t value) {
  if (wire_.select == value) return;
  Push({.port = Port::kDp, .address = adi::kDpSelect, .write = Scratch(value), .read = {}});
  wire_.select = value;
}

void TransferPlan::SelectDpBank(uint32_t bank) { Select((wire_.select.value_or(0) & adi::kSelectApMask) | bank); }

void TransferPlan::SelectAp(uint64_t register_address, const SessionState& session) {
  // The bank of DP registers that the session will want next, so that it need not be selected again.
  Select((static_cast<uint32_t>(register_address) & adi::kSelectApMask) | (session.select & adi::kSelectDpBankMask));
}

void TransferPlan::SetCsw(ApId ap, uint32_t value, const SessionState& session) {
  if (wire_.aps[ap].csw == value) return;
  const uint64_t address = MakeApAddress(ap, adi::kApCsw, wire_.adiv6());
  SelectAp(address, session);
  Push({.port = Port::kAp, .address = adi::WireAddress(address), .write = Scratch(value), .read = {}});
  wire_.aps[ap].csw = value;
}

void TransferPlan::SetTar(ApId ap, uint64_t value, const ApView* for_view, const SessionState& session) {
  const auto low = static_cast<uint32_t>(value);
  const auto high = static_cast<uint32_t>(value >> 32);
  WireAp& wire = wire_.aps[ap];
  // TAR's upper word is written only once somebody has used it: most APs have none.
  const bool high_differs = wire.tar_high_used ? wire.tar_high != high : high != 0;
  if (wire.tar == low && !high_differs) return;
  SaveTarOfOthers(ap, for_view, session);
  if (high_differs) {
    const uint64_t address = MakeApAddress(ap, adi::kApTarHigh, wire_.adiv6());
    SelectAp(address, session);
    Push({.port = Port::kAp, .address = adi::WireAddress(address), .write = Scratch(high), .read = {}});
    wire.tar_high = high;
    wire.tar_high_used = true;
  }
  if (wire.tar != low) {
    const uint64_t address = MakeApAddress(ap, adi::kApTar, wire_.adiv6());
    SelectAp(address, session);
    Push({.port = Port::kAp, .address = adi::WireAddress(address), .write = Scratch(low), .read = {}});
    wire.tar = low;
    wire.tar_owner = nullptr;
  }
}

void TransferPlan::SetForView(ApId ap, ApView& view, const SessionState& session) {
  const ApIdentity& identity = wire_.identities[ap];
  SetCsw(ap, view.csw.value_or(identity.original_csw), session);
  WireAp& wire = wire_.aps[ap];
  if (view.tar_on_wire && wire.tar_owner == &view) return;
  // A session may know better than the lane that TAR has changed: a reset of the target may take it along.
  if (std::exchange(view.tar_due, false)) wire.tar.reset();
  const uint64_t high = view.tar_high.value_or(0);
  SetTar(ap, (high << 32) | view.tar.value_or(identity.original_tar), &view, session);
}

// TAR has no effect but on accesses through it, so it goes into the packet of the next one.
void TransferPlan::WriteTarLater(uint32_t value, ApView& view, WireAp& wire) {
  view.tar = value;
  view.tar_due = true;
  view.tar_on_wire = false;
  if (wire.tar_owner == &view) wire.tar_owner = nullptr;
}

void TransferPlan::Keep(const TransferJob& job, SessionState& session) {
  if (job.steps.empty()) return;
  const TransferStep& step = job.steps.front();
  const uint32_t value = job.words.back();
  if (step.target == TransferStep::Target::kDp && step.address == adi::kDpSelect) session.select = value;
  if (step.target != TransferStep::Target::kAp || !wire_.dpidr) return;
  const ApAddress address = ParseApAddress(step.address, wire_.adiv6());
  if (!address.offset || !IsTransferRegister(*address.offset)) return;
  // One that is not known yet may turn out to be a MEM-AP.
  const auto identity = wire_.identities.find(address.ap);
  if (identity != wire_.identities.end() && !identity->second.is_mem_ap) return;
  if (session.views.size() >= kMaxAps && !session.views.contains(address.ap)) return;
  ApView& view = session.views[address.ap];
  if (*address.offset == adi::kApCsw) view.csw = value;
  if (*address.offset == adi::kApTar) WriteTarLater(value, view, wire_.aps[address.ap]);
  if (*address.offset == adi::kApTarHigh) view.tar_high = value;
}

void TransferPlan::SaveTarOfOthers(ApId ap, const ApView* for_view, const SessionState& session) {
  WireAp& wire = wire_.aps[ap];
  if (wire.tar_owner == nullptr || wire.tar_owner == for_view) return;
  if (!wire.tar_owner->tar_on_wire) {
    wire.tar_owner = nullptr;
    return;
  }
  ApView* const view = wire.tar_owner;
  const uint64_t address = MakeApAddress(ap, adi::kApTar, wire_.adiv6());
  SelectAp(address, session);
  saved_tars_.push_back({.op = ops_.size(), .ap = ap, .view = view});
  Push({.port = Port::kAp,
        .address = adi::WireAddress(address),
        .write = {},
        .read = absl::MakeSpan(&scratch_.emplace_back(), 1)});
  wire.tar_owner = nullptr;
}

void TransferPlan::Fence() {
  if (wire_.jtag) return;  // the probe looks after each op by itself
  if (ops_.empty() || ops_.back().port != Port::kAp || ops_.back().is_read()) return;
  Push(
      {.port = Port::kDp, .address = adi::kDpRdbuff, .write = {}, .read = absl::MakeSpan(&scratch_.emplace_back(), 1)});
}

}  // namespace probegate
