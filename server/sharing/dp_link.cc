#include "server/sharing/dp_link.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/adi/link.h"
#include "probe/adi/registers.h"
#include "probe/error.h"

namespace probegate {
namespace {

// How often CTRL/STAT is read while waiting for a power acknowledge. Real parts take a few µs, a read takes some tens
// of µs.
constexpr int kPowerPolls = 100;

constexpr uint32_t kClearSticky = adi::kAbortClearSticky;
constexpr TransferOp kAbort{.port = Port::kDp, .address = adi::kDpAbort, .write = {&kClearSticky, 1}, .read = {}};

}  // namespace

void DpLink::Remove(SessionState& session) {
  std::erase(users_, &session);
  session.power = 0;
  if ((wire_.power & ~PowerOfAll()) != 0 && Prepare(session, true).ok()) ReleasePower(session);
  wire_.Drop(session);
}

bool DpLink::IsFit(const SessionState& session, bool needs_link) const {
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

absl::Status DpLink::Prepare(SessionState& session, bool needs_link) {
  return IsFit(session, needs_link) ? absl::OkStatus() : Relink(session);
}

absl::Status DpLink::Relink(SessionState& session) {
  wire_.Forget();
  wire_.target_select.reset();
  const auto dpidr = wire_.jtag ? adi::EstablishJtagLink(probe_) : adi::EstablishSwdLink(probe_, session.target_select);
  if (!dpidr.ok()) return RelinkFailed(session, dpidr.status());
  wire_.dpidr = *dpidr;
  wire_.target_select = session.target_select;
  // The target may have lost power, and with it the power requests of all sessions.
  absl::Status status = Run(session, {kAbort});
  if (status.ok() && PowerOfAll() != 0) status = WriteRequests(session, PowerOfAll());
  if (!status.ok()) return RelinkFailed(session, status);
  wire_.link = Link::kUp;
  wire_.toucher = nullptr;
  return absl::OkStatus();
}

// The wire has seen line resets, so the link is lost for every session, including the one that touched the wire.
absl::Status DpLink::RelinkFailed(const SessionState& session, const absl::Status& why) {
  if (IsError(why, ErrorKind::kProbeDisconnected)) return why;
  const bool anothers_doing = wire_.link == Link::kTouched && wire_.toucher_who != session.who;
  if (wire_.link != Link::kTouched) wire_.Touch(session, "attempt to reach its target");
  wire_.toucher = nullptr;
  if (!anothers_doing) return why;
  return MakeError(ErrorKind::kProbeError, absl::StrCat("the target does not answer since the ", wire_.touched_by_what,
                                                        " of ", wire_.toucher_who, ": ", why.message()));
}

absl::Status DpLink::Recover(const SessionState& session, const absl::Status& failure) {
  const ErrorKind kind = GetError(failure).kind;
  if (kind == ErrorKind::kProbeDisconnected) return failure;
  if (kind != ErrorKind::kTransferFault && kind != ErrorKind::kTransferTimeout) {
    wire_.Touch(session, absl::StrCat("transfer that failed (", failure.message(), ")"));
    return absl::OkStatus();
  }
  const absl::Status cleared = probe_.Transfer({&kAbort, 1}).status;
  if (IsError(cleared, ErrorKind::kProbeDisconnected)) return cleared;
  if (!cleared.ok()) wire_.Touch(session, "transfer after which the sticky flags could not be cleared");
  return absl::OkStatus();
}

absl::Status DpLink::SelectTarget(SessionState& session, uint32_t value) {
  wire_.Touch(session, "write of TARGETSEL");
  wire_.target_select = session.target_select = value;
  return Run(session, {{.port = Port::kDp, .address = adi::kDpTargetSel, .write = {&value, 1}, .read = {}}});
}

absl::Status DpLink::Run(const SessionState& session, std::initializer_list<TransferOp> ops) {
  absl::Status status = probe_.Transfer(absl::MakeConstSpan(ops.begin(), ops.size())).status;
  if (!status.ok()) {
    wire_.Forget();
    (void)Recover(session, status);
  }
  return status;
}

absl::StatusOr<uint32_t> DpLink::ReadControlStatus(const SessionState& session) {
  uint32_t value = 0;
  const uint32_t select = wire_.select.value_or(0) & adi::kSelectApMask;
  absl::Status status =
      Run(session, {{.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
                    {.port = Port::kDp, .address = adi::kDpCtrlStat, .write = {}, .read = {&value, 1}}});
  if (!status.ok()) return status;
  wire_.select = select;
  return value;
}

absl::Status DpLink::WriteControlStatus(SessionState& session, uint32_t value) {
  if ((value & (adi::kOrunDetect | adi::kTransferModeMask)) != 0) {
    return MakeError(ErrorKind::kUnsupported,
                     absl::StrCat("CTRL/STAT ", Hex(value),
                                  " turns on overrun detection or pushed transfers, which sessions cannot share"));
  }
  if (absl::Status status = Prepare(session, false); !status.ok()) return status;
  const uint32_t before = std::exchange(session.power, value & adi::kPowerRequests);
  const uint32_t clear_flags = value & adi::kStickyFlags;
  const uint32_t bits_before = std::exchange(control_bits_, value & ~(adi::kPowerBits | adi::kStickyFlags));
  const uint32_t wanted = PowerOfAll();
  if ((wire_.power & ~wanted & adi::kDebugPowerRequest) != 0) RestoreOriginals(session);
  absl::Status status;
  // The two requests must not be withdrawn at the same time (ADIv5.2 §B2.2.2).
  if ((wire_.power & ~wanted) == adi::kPowerRequests) status = WriteRequests(session, adi::kDebugPowerRequest);
  if (status.ok()) status = WriteRequests(session, wanted, clear_flags);
  if (!status.ok()) {
    session.power = before;
    control_bits_ = bits_before;
  }
  return status;
}

absl::Status DpLink::WriteRequests(const SessionState& session, uint32_t requests, uint32_t clear_flags) {
  const uint32_t select = wire_.select.value_or(0) & adi::kSelectApMask;
  const uint32_t value = requests | control_bits_ | clear_flags;
  absl::Status status =
      Run(session, {{.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
                    {.port = Port::kDp, .address = adi::kDpCtrlStat, .write = {&value, 1}, .read = {}}});
  if (!status.ok()) return status;
  wire_.select = select;
  // Without power the APs may keep nothing.
  if ((wire_.power & ~requests & adi::kDebugPowerRequest) != 0) wire_.Forget();
  wire_.power = requests;
  return absl::OkStatus();
}

uint32_t DpLink::PowerOfAll() const {
  uint32_t requests = 0;
  for (const SessionState* session : users_) requests |= session->power;
  // System power needs debug power (ADIv5.2 §B2.2.2).
  return (requests & adi::kSystemPowerRequest) != 0 ? requests | adi::kDebugPowerRequest : requests;
}

absl::Status DpLink::RequestPower(SessionState& session) {
  const uint32_t before = std::exchange(session.power, adi::kPowerRequests);
  absl::Status status = WriteRequests(session, PowerOfAll());
  if (status.ok()) status = AwaitPower(session, adi::kDebugPowerAck | adi::kSystemPowerAck, true);
  if (!status.ok()) session.power = before;
  return status;
}

absl::Status DpLink::AwaitPower(const SessionState& session, uint32_t acks, bool up) {
  for (int poll = 0; poll < kPowerPolls; ++poll) {
    const auto value = ReadControlStatus(session);
    if (!value.ok()) return value.status();
    if ((*value & acks) == (up ? acks : 0)) return absl::OkStatus();
  }
  return MakeError(ErrorKind::kProbeError, absl::StrCat("the target does not acknowledge the ", up ? "request" : "end",
                                                        " of power for debugging"));
}

void DpLink::ReleasePower(const SessionState& session) {
  const uint32_t wanted = PowerOfAll();
  if ((wire_.power & ~wanted & adi::kDebugPowerRequest) != 0) RestoreOriginals(session);
  if ((wire_.power & ~wanted & adi::kSystemPowerRequest) != 0) {
    if (!WriteRequests(session, wanted | adi::kDebugPowerRequest).ok()) return;
    // A target may keep its system powered. That is not a failure, because the request has been withdrawn.
    if (!AwaitPower(session, adi::kSystemPowerAck, false).ok() && wire_.link != Link::kUp) return;
  }
  if (wire_.power != wanted) (void)WriteRequests(session, wanted);
}

// The next user takes the CSW that it finds for the AP's original value.
void DpLink::RestoreOriginals(const SessionState& session) {
  for (const auto& [ap, identity] : wire_.identities) {
    WireAp& wire = wire_.aps[ap];
    if (!identity.is_mem_ap || wire.csw == identity.original_csw) continue;
    const uint64_t address = MakeApAddress(ap, adi::kApCsw, wire_.adiv6());
    const auto select = static_cast<uint32_t>(address) & adi::kSelectApMask;
    const uint32_t csw = identity.original_csw;
    const absl::Status status =
        Run(session, {{.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
                      {.port = Port::kAp, .address = adi::WireAddress(address), .write = {&csw, 1}, .read = {}}});
    if (!status.ok()) return;
    wire_.select = select;
    wire.csw = csw;
  }
}

}  // namespace probegate
