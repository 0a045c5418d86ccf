#include "server/sharing/wire_registers.h"

#include <utility>

#include "probe/adi/registers.h"

namespace probegate {

bool WireRegisters::Identify(ApId ap, SessionState& session) {
  if (wire_.dp().identities.contains(ap)) return true;
  PlannedOps::Discovery& discovery = ops_.BeginDiscovery(ap);
  const bool adiv6 = wire_.adiv6();
  // Reading these changes nothing in any AP that Arm defines; the IDR then tells whether they are CSW and TAR.
  for (const auto& [offset, destination] :
       {std::pair{adi::kApIdr, &discovery.idr}, std::pair{adi::kApCsw, &discovery.csw},
        std::pair{adi::kApTar, &discovery.tar}}) {
    const uint64_t address = MakeApAddress(ap, offset, adiv6);
    SelectAp(address, session);
    ops_.Push(
        {.port = Port::kAp, .address = adi::WireAddress(address), .write = {}, .read = absl::MakeSpan(destination, 1)});
  }
  return false;
}

bool WireRegisters::LearnAttributes(ApId ap, SessionState& session) {
  ApIdentity& identity = wire_.dp().identities[ap];
  if (identity.attributes) return true;
  const uint32_t csw = identity.original_csw;
  const uint32_t bits = adi::ApAttributes::TrialBits(identity.idr);
  if (bits == 0) {
    identity.attributes.emplace(identity.idr, csw, csw);
    return true;
  }
  uint32_t& trial = ops_.BeginAttributeTrial(ap);
  SetCsw(ap, csw ^ bits, session);
  const uint64_t address = MakeApAddress(ap, adi::kApCsw, wire_.adiv6());
  SelectAp(address, session);
  ops_.Push({.port = Port::kAp, .address = adi::WireAddress(address), .write = {}, .read = absl::MakeSpan(&trial, 1)});
  return false;
}

void WireRegisters::Select(uint32_t value) {
  if (wire_.select == value) return;
  ops_.PushWrite(Port::kDp, adi::kDpSelect, value);
  wire_.select = value;
}

void WireRegisters::SelectDpBank(uint32_t bank) { Select((wire_.select.value_or(0) & adi::kSelectApMask) | bank); }

void WireRegisters::SelectAp(uint64_t register_address, SessionState& session) {
  // Includes the bank of DP registers that the session has selected, so that its next DP access needs no write of
  // SELECT.
  Select((static_cast<uint32_t>(register_address) & adi::kSelectApMask) |
         (session.dp().select & adi::kSelectDpBankMask));
}

void WireRegisters::WriteApRegister(ApId ap, uint8_t offset, uint32_t value, SessionState& session) {
  const uint64_t address = MakeApAddress(ap, offset, wire_.adiv6());
  SelectAp(address, session);
  ops_.PushWrite(Port::kAp, adi::WireAddress(address), value);
}

void WireRegisters::SetCsw(ApId ap, uint32_t value, SessionState& session) {
  WireAp& wire = wire_.dp().aps[ap];
  if (wire.csw == value) return;
  WriteApRegister(ap, adi::kApCsw, value, session);
  wire.csw = value;
}

void WireRegisters::SetTar(ApId ap, uint64_t value, const ApView* for_view, SessionState& session) {
  const auto low = static_cast<uint32_t>(value);
  const auto high = static_cast<uint32_t>(value >> 32);
  WireAp& wire = wire_.dp().aps[ap];
  // TAR's upper word is written only after a session has used it: most APs have none.
  const bool high_differs = wire.tar_high_used ? wire.tar_high != high : high != 0;
  if (wire.tar == low && !high_differs) return;
  SaveTarOfOthers(ap, for_view, session);
  if (high_differs) {
    WriteApRegister(ap, adi::kApTarHigh, high, session);
    wire.tar_high = high;
    wire.tar_high_used = true;
  }
  if (wire.tar != low) {
    WriteApRegister(ap, adi::kApTar, low, session);
    wire.tar = low;
    wire.tar_owner = nullptr;
  }
}

void WireRegisters::SetForView(ApId ap, ApView& view, SessionState& session) {
  const ApIdentity& identity = wire_.dp().identities[ap];
  SetCsw(ap, view.csw.value_or(identity.original_csw), session);
  WireAp& wire = wire_.dp().aps[ap];
  if (view.tar_on_wire && wire.tar_owner == &view) return;
  // A session may know better than the lane that TAR has changed: a reset of the target may clear it.
  if (std::exchange(view.tar_due, false)) wire.tar.reset();
  const uint64_t high = view.tar_high.value_or(0);
  SetTar(ap, (high << 32) | view.tar.value_or(identity.original_tar), &view, session);
}

void WireRegisters::WriteTarLater(uint32_t value, ApView& view, WireAp& wire) {
  view.tar = value;
  view.tar_due = true;
  view.tar_on_wire = false;
  if (wire.tar_owner == &view) wire.tar_owner = nullptr;
}

void WireRegisters::SaveTarOfOthers(ApId ap, const ApView* for_view, SessionState& session) {
  WireAp& wire = wire_.dp().aps[ap];
  if (wire.tar_owner == nullptr || wire.tar_owner == for_view) return;
  if (wire.tar_owner->tar_on_wire) {
    SelectAp(MakeApAddress(ap, adi::kApTar, wire_.adiv6()), session);
    ops_.PushReadOfTar(ap, *wire.tar_owner);
  }
  wire.tar_owner = nullptr;
}

void WireRegisters::Fence() {
  if (wire_.jtag) return;  // over JTAG the probe checks each op by itself
  if (ops_.empty() || ops_.ops().back().port != Port::kAp || ops_.ops().back().is_read()) return;
  ops_.PushRead(Port::kDp, adi::kDpRdbuff);
}

}  // namespace probegate
