// SharedProbe's link to the target's DP, and the power behind it.
#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/adi/link.h"
#include "probe/error.h"
#include "server/shared_probe.h"

namespace probegate {
namespace {

// How often CTRL/STAT is read while waiting for a power acknowledge. Real parts take a few µs, a read some tens.
constexpr int kPowerPolls = 100;

}  // namespace

bool SharedProbe::LinkIsFit(const SessionState& session, bool needs_link) const {
  const bool same_target = !session.target_select || session.target_select == wire_.target_select;
  switch (wire_.link) {
    case Link::kUp:
      return same_target;
    case Link::kDown:
      return !needs_link;
    case Link::kTouched:
      return !needs_link && wire_.toucher == &session;
  }
  return false;
}

absl::Status SharedProbe::PrepareLink(SessionState& session, bool needs_link) {
  return LinkIsFit(session, needs_link) ? absl::OkStatus() : Relink(session);
}

absl::Status SharedProbe::Relink(SessionState& session) {
  if (protocol_ == WireProtocol::kJtag) {
    wire_.link = Link::kUp;  // a JTAG-DP has no state to wake it from
    return absl::OkStatus();
  }
  wire_.Forget();
  const auto dpidr = adi::EstablishSwdLink(*probe_, session.target_select);
  if (!dpidr.ok()) {
    if (IsError(dpidr.status(), ErrorKind::kProbeDisconnected)) return dpidr.status();
    if (wire_.link != Link::kTouched || wire_.toucher == &session) return dpidr.status();
    return MakeError(ErrorKind::kProbeError,
                     absl::StrCat("the target does not answer since the ", wire_.touched_by_what, " of ",
                                  wire_.toucher_who, ": ", dpidr.status().message()));
  }
  wire_.dpidr = *dpidr;
  wire_.target_select = session.target_select;
  wire_.link = Link::kUp;
  wire_.toucher = nullptr;
  // The target may have lost power, and its DP with it, what the sessions had asked for.
  if (absl::Status status = WriteRawDp(adi::kDpAbort, adi::kAbortClearSticky); !status.ok()) return status;
  return PowerOfAll() != 0 ? WriteWireControlStatus(PowerOfAll()) : absl::OkStatus();
}

absl::Status SharedProbe::WriteRawDp(uint8_t address, uint32_t value) {
  const TransferOp op{.port = Port::kDp, .address = address, .write = absl::MakeConstSpan(&value, 1), .read = {}};
  return probe_->Transfer({&op, 1}).status;
}

absl::StatusOr<uint32_t> SharedProbe::ReadControlStatus() {
  uint32_t value = 0;
  const uint32_t select = wire_.select.value_or(0) & ~0xFu;
  const TransferOp ops[] = {
      {.port = Port::kDp, .address = adi::kDpSelect, .write = absl::MakeConstSpan(&select, 1), .read = {}},
      {.port = Port::kDp, .address = adi::kDpCtrlStat, .write = {}, .read = absl::MakeSpan(&value, 1)}};
  wire_.select = select;
  if (absl::Status status = probe_->Transfer(ops).status; !status.ok()) {
    wire_.select.reset();
    return status;
  }
  return value;
}

absl::Status SharedProbe::WriteControlStatus(SessionState& session, uint32_t value) {
  if ((value & (adi::kOrunDetect | adi::kTransferModeMask)) != 0) {
    return MakeError(ErrorKind::kUnsupported,
                     absl::StrCat("CTRL/STAT ", Hex(value),
                                  " turns on overrun detection or pushed transfers, which sessions cannot share"));
  }
  if (absl::Status status = PrepareLink(session, false); !status.ok()) return status;
  session.power = value & adi::kPowerRequests;
  control_bits_ = value & ~adi::kPowerBits;
  const uint32_t wanted = PowerOfAll();
  if ((wire_power_ & ~wanted & adi::kDebugPowerRequest) != 0) RestoreOriginals();
  // Both requests must not fall at once (ADIv5.2 §B2.2.2).
  if ((wire_power_ & ~wanted) == adi::kPowerRequests) {
    if (absl::Status status = WriteWireControlStatus(adi::kDebugPowerRequest); !status.ok()) {
      (void)Recover(session, status);
      return status;
    }
  }
  absl::Status status = WriteWireControlStatus(wanted);
  if (!status.ok()) (void)Recover(session, status);
  return status;
}

absl::Status SharedProbe::WriteWireControlStatus(uint32_t requests) {
  const uint32_t select = wire_.select.value_or(0) & ~0xFu;
  const uint32_t value = requests | control_bits_;
  const TransferOp ops[] = {
      {.port = Port::kDp, .address = adi::kDpSelect, .write = absl::MakeConstSpan(&select, 1), .read = {}},
      {.port = Port::kDp, .address = adi::kDpCtrlStat, .write = absl::MakeConstSpan(&value, 1), .read = {}}};
  wire_.select = select;
  absl::Status status = probe_->Transfer(ops).status;
  if (status.ok()) {
    wire_power_ = requests;
  } else {
    wire_.select.reset();
  }
  return status;
}

uint32_t SharedProbe::PowerOfAll() const {
  uint32_t requests = 0;
  for (const SessionState* session : sessions_) requests |= session->power;
  // System power needs debug power (ADIv5.2 §B2.2.2).
  return (requests & adi::kSystemPowerRequest) != 0 ? requests | adi::kDebugPowerRequest : requests;
}

absl::Status SharedProbe::RequestPower(SessionState& session) {
  session.power = adi::kPowerRequests;
  if (absl::Status status = WriteWireControlStatus(PowerOfAll()); !status.ok()) return status;
  constexpr uint32_t kAcks = adi::kDebugPowerAck | adi::kSystemPowerAck;
  for (int poll = 0; poll < kPowerPolls; ++poll) {
    const auto value = ReadControlStatus();
    if (!value.ok()) return value.status();
    if ((*value & kAcks) == kAcks) return absl::OkStatus();
  }
  return MakeError(ErrorKind::kProbeError, "the target does not acknowledge the request for debug power");
}

void SharedProbe::ReleasePower() {
  const uint32_t wanted = PowerOfAll();
  if ((wire_power_ & ~wanted & adi::kDebugPowerRequest) != 0) RestoreOriginals();
  if ((wire_power_ & ~wanted & adi::kSystemPowerRequest) != 0) {
    if (!WriteWireControlStatus(wanted | adi::kDebugPowerRequest).ok()) return;
    for (int poll = 0; poll < kPowerPolls; ++poll) {
      const auto value = ReadControlStatus();
      if (!value.ok()) return;
      if ((*value & adi::kSystemPowerAck) == 0) break;
    }
  }
  if (wire_power_ != wanted) (void)WriteWireControlStatus(wanted);
}

// The next user takes the CSW it finds for the AP's own.
void SharedProbe::RestoreOriginals() {
  for (const auto& [ap, identity] : wire_.identities) {
    const auto wire = wire_.aps.find(ap);
    if (!identity.is_mem_ap || (wire != wire_.aps.end() && wire->second.csw == identity.original_csw)) continue;
    const uint64_t address = MakeApAddress(ap, adi::kApCsw, wire_.adiv6());
    const auto select = static_cast<uint32_t>(address) & 0xFFFFFFF0u;
    const uint32_t csw = identity.original_csw;
    const TransferOp ops[] = {
        {.port = Port::kDp, .address = adi::kDpSelect, .write = absl::MakeConstSpan(&select, 1), .read = {}},
        {.port = Port::kAp,
         .address = static_cast<uint8_t>(address & 0xC),
         .write = absl::MakeConstSpan(&csw, 1),
         .read = {}}};
    wire_.select = select;
    if (!probe_->Transfer(ops).status.ok()) return;
  }
}

}  // namespace probegate
