// SharedProbe's link to the target's DP, and the power behind it.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/adi/link.h"
#include "probe/error.h"
#include "server/sharing/shared_probe.h"

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
  wire_.Forget();
  wire_.target_select.reset();
  const auto dpidr =
      wire_.jtag ? adi::EstablishJtagLink(*probe_) : adi::EstablishSwdLink(*probe_, session.target_select);
  if (!dpidr.ok()) return RelinkFailed(session, dpidr.status());
  wire_.dpidr = *dpidr;
  wire_.target_select = session.target_select;
  // The target may have lost power, and its DP with it, what the sessions had asked for.
  const uint32_t clear = adi::kAbortClearSticky;
  absl::Status status =
      RunOnWire(session, {{.port = Port::kDp, .address = adi::kDpAbort, .write = {&clear, 1}, .read = {}}});
  if (status.ok() && PowerOfAll() != 0) status = WriteWireControlStatus(session, PowerOfAll());
  if (!status.ok()) return RelinkFailed(session, status);
  wire_.link = Link::kUp;
  wire_.toucher = nullptr;
  return absl::OkStatus();
}

// The wire has seen line resets, so it is in no session's hands any more, whoever brought it to this.
absl::Status SharedProbe::RelinkFailed(const SessionState& session, const absl::Status& why) {
  if (IsError(why, ErrorKind::kProbeDisconnected)) return why;
  const bool anothers_doing = wire_.link == Link::kTouched && wire_.toucher_who != session.who;
  if (wire_.link != Link::kTouched) wire_.Touch(session, "attempt to reach its target");
  wire_.toucher = nullptr;
  if (!anothers_doing) return why;
  return MakeError(ErrorKind::kProbeError, absl::StrCat("the target does not answer since the ", wire_.touched_by_what,
                                                        " of ", wire_.toucher_who, ": ", why.message()));
}

absl::Status SharedProbe::RunOnWire(const SessionState& session, std::initializer_list<TransferOp> ops) {
  absl::Status status = probe_->Transfer(absl::MakeConstSpan(ops.begin(), ops.size())).status;
  if (!status.ok()) {
    wire_.Forget();
    (void)Recover(session, status);
  }
  return status;
}

absl::StatusOr<uint32_t> SharedProbe::ReadControlStatus(const SessionState& session) {
  uint32_t value = 0;
  const uint32_t select = wire_.select.value_or(0) & adi::kSelectApMask;
  absl::Status status =
      RunOnWire(session, {{.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
                          {.port = Port::kDp, .address = adi::kDpCtrlStat, .write = {}, .read = {&value, 1}}});
  if (!status.ok()) return status;
  wire_.select = select;
  return value;
}

absl::Status SharedProbe::WriteControlStatus(SessionState& session, uint32_t value) {
  if ((value & (adi::kOrunDetect | adi::kTransferModeMask)) != 0) {
    return MakeError(ErrorKind::kUnsupported,
                     absl::StrCat("CTRL/STAT ", Hex(value),
                                  " turns on overrun detection or pushed transfers, which sessions cannot share"));
  }
  if (absl::Status status = PrepareLink(session, false); !status.ok()) return status;
  const uint32_t before = std::exchange(session.power, value & adi::kPowerRequests);
  const uint32_t clear_flags = value & adi::kStickyFlags;
  const uint32_t bits_before = std::exchange(control_bits_, value & ~(adi::kPowerBits | adi::kStickyFlags));
  const uint32_t wanted = PowerOfAll();
  if ((wire_power_ & ~wanted & adi::kDebugPowerRequest) != 0) RestoreOriginals(session);
  absl::Status status;
  // Both requests must not fall at once (ADIv5.2 §B2.2.2).
  if ((wire_power_ & ~wanted) == adi::kPowerRequests) status = WriteWireControlStatus(session, adi::kDebugPowerRequest);
  if (status.ok()) status = WriteWireControlStatus(session, wanted, clear_flags);
  if (!status.ok()) {
    session.power = before;
    control_bits_ = bits_before;
  }
  return status;
}

absl::Status SharedProbe::WriteWireControlStatus(const SessionState& session, uint32_t requests, uint32_t clear_flags) {
  const uint32_t select = wire_.select.value_or(0) & adi::kSelectApMask;
  const uint32_t value = requests | control_bits_ | clear_flags;
  absl::Status status =
      RunOnWire(session, {{.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
                          {.port = Port::kDp, .address = adi::kDpCtrlStat, .write = {&value, 1}, .read = {}}});
  if (!status.ok()) return status;
  wire_.select = select;
  // Without power the APs may keep nothing.
  if ((wire_power_ & ~requests & adi::kDebugPowerRequest) != 0) wire_.Forget();
  wire_power_ = requests;
  return absl::OkStatus();
}

uint32_t SharedProbe::PowerOfAll() const {
  uint32_t requests = 0;
  for (const SessionState* session : sessions_) requests |= session->power;
  // System power needs debug power (ADIv5.2 §B2.2.2).
  return (requests & adi::kSystemPowerRequest) != 0 ? requests | adi::kDebugPowerRequest : requests;
}

absl::Status SharedProbe::RequestPower(SessionState& session) {
  const uint32_t before = std::exchange(session.power, adi::kPowerRequests);
  absl::Status status = WriteWireControlStatus(session, PowerOfAll());
  if (status.ok()) status = AwaitPower(session, adi::kDebugPowerAck | adi::kSystemPowerAck, true);
  if (!status.ok()) session.power = before;
  return status;
}

absl::Status SharedProbe::AwaitPower(const SessionState& session, uint32_t acks, bool up) {
  for (int poll = 0; poll < kPowerPolls; ++poll) {
    const auto value = ReadControlStatus(session);
    if (!value.ok()) return value.status();
    if ((*value & acks) == (up ? acks : 0)) return absl::OkStatus();
  }
  return MakeError(ErrorKind::kProbeError, absl::StrCat("the target does not acknowledge the ", up ? "request" : "end",
                                                        " of power for debugging"));
}

void SharedProbe::ReleasePower(const SessionState& session) {
  const uint32_t wanted = PowerOfAll();
  if ((wire_power_ & ~wanted & adi::kDebugPowerRequest) != 0) RestoreOriginals(session);
  if ((wire_power_ & ~wanted & adi::kSystemPowerRequest) != 0) {
    if (!WriteWireControlStatus(session, wanted | adi::kDebugPowerRequest).ok()) return;
    // A target that keeps its system powered is none of our business: the request is gone.
    if (!AwaitPower(session, adi::kSystemPowerAck, false).ok() && wire_.link != Link::kUp) return;
  }
  if (wire_power_ != wanted) (void)WriteWireControlStatus(session, wanted);
}

// The next user takes the CSW it finds for the AP's own.
void SharedProbe::RestoreOriginals(const SessionState& session) {
  for (const auto& [ap, identity] : wire_.identities) {
    WireAp& wire = wire_.aps[ap];
    if (!identity.is_mem_ap || wire.csw == identity.original_csw) continue;
    const uint64_t address = MakeApAddress(ap, adi::kApCsw, wire_.adiv6());
    const auto select = static_cast<uint32_t>(address) & adi::kSelectApMask;
    const uint32_t csw = identity.original_csw;
    const absl::Status status =
        RunOnWire(session, {{.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
                            {.port = Port::kAp, .address = adi::WireAddress(address), .write = {&csw, 1}, .read = {}}});
    if (!status.ok()) return;
    wire_.select = select;
    wire.csw = csw;
  }
}

}  // namespace probegate
