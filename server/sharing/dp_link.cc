#include "server/sharing/dp_link.h"

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/adi/link.h"
#include "probe/adi/registers.h"
#include "probe/error.h"
#include "probe/interrupt.h"

namespace probegate {
namespace {

// A target that keeps its system powered is not waited for any longer.
constexpr std::chrono::milliseconds kReleasePatience{5};
// Between reads of CTRL/STAT. Most targets take some microseconds, so the first ones follow each other at once.
constexpr int kQuickReads = 3;
constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::milliseconds kLongestPause{20};

constexpr uint32_t kClearSticky = adi::kAbortClearSticky;
constexpr TransferOp kAbort{.port = Port::kDp, .address = adi::kDpAbort, .write = {&kClearSticky, 1}, .read = {}};

}  // namespace

void LinkClock::Sleep(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

void DpLink::Remove(SessionState& session) {
  std::erase(users_, &session);
  for (auto& [target, dp] : session.dps) {
    dp.power = 0;
    const auto of_wire = wire_.dps.find(target);
    const uint32_t wanted = PowerOfAll(target);
    if (of_wire == wire_.dps.end() || (of_wire->second.power & ~wanted) == 0) continue;
    if (Prepare(session, {.target = target, .established = true}).ok()) ReleasePower(session, wanted);
  }
  wire_.Drop(session);
  // What is known of a DP is kept while a session uses it: there may be any number of values for TARGETSEL.
  std::erase_if(wire_.dps, [this](const auto& known) {
    return known.first && std::none_of(users_.begin(), users_.end(),
                                       [&known](const SessionState* user) { return user->dps.contains(known.first); });
  });
}

bool DpLink::IsFit(const SessionState& session, const LinkUse& use) const {
  switch (wire_.link) {
    case Link::kUp:
      return use.target == wire_.target_select && (use.established || session.trail.empty());
    case Link::kDown:
      break;
    case Link::kTouched:
      return !use.established && wire_.toucher == &session && use.target == wire_.target_select;
    case Link::kLost:
      break;
  }
  return false;
}

bool DpLink::IsFit(const SessionState& session, bool established) const {
  return IsFit(session, LinkUse{session.target_select, established});
}

absl::Status DpLink::Prepare(SessionState& session, const LinkUse& use) {
  // The session leaves it to the server to lead the wire to the DP, whatever it has sent itself.
  if (use.established) session.trail.Clear();
  if (IsFit(session, use)) return absl::OkStatus();
  const bool leads_there_itself = !use.established && !session.trail.empty() && !session.trail.talks_to_dp();
  return leads_there_itself ? Restore(session) : Relink(session, use.target);
}

absl::Status DpLink::Prepare(SessionState& session, bool established) {
  return Prepare(session, LinkUse{session.target_select, established});
}

absl::Status DpLink::PrepareRaw(SessionState& session) {
  const bool continues = wire_.toucher == &session;
  const bool leads_there = !session.trail.empty() && !session.trail.talks_to_dp();
  if (wire_.link == Link::kDown || continues) return absl::OkStatus();
  if (leads_there) return Restore(session);
  if (wire_.link == Link::kUp && wire_.target_select == session.target_select) return absl::OkStatus();
  const absl::Status linked = Relink(session, session.target_select);
  return IsError(linked, ErrorKind::kProbeDisconnected) ? linked : absl::OkStatus();
}

// Drives the session's raw sequences again, from a link that stands if there can be one.
absl::Status DpLink::Restore(SessionState& session) {
  if (wire_.link != Link::kUp || wire_.target_select != session.target_select) {
    const absl::Status linked = Relink(session, session.target_select);
    if (IsError(linked, ErrorKind::kProbeDisconnected)) return linked;
  }
  wire_.Touch(session, "raw sequences");
  wire_.target_select = session.target_select;
  return session.trail.Replay(probe_);
}

absl::Status DpLink::Relink(SessionState& session, const TargetSelect& target) {
  wire_.Forget();
  wire_.target_select = target;
  const auto dpidr = wire_.jtag ? adi::EstablishJtagLink(probe_) : adi::EstablishSwdLink(probe_, target);
  if (!dpidr.ok()) return RelinkFailed(session, dpidr.status());
  wire_.dp().dpidr = *dpidr;
  absl::Status status = Run(session, {kAbort});
  if (status.ok()) status = RestorePower(session);
  if (!status.ok()) return RelinkFailed(session, status);
  wire_.link = Link::kUp;
  wire_.toucher = nullptr;
  return absl::OkStatus();
}

// The target may have lost power, and with it the power requests of all sessions.
absl::Status DpLink::RestorePower(const SessionState& session) {
  WireDp& dp = wire_.dp();
  const uint32_t wanted = PowerOfAll(wire_.target_select);
  if (wanted == 0) return absl::OkStatus();
  if (absl::Status status = WriteRequests(session, wanted); !status.ok()) return status;
  // A target that has let one whole wait pass is looked at once more, but not waited for.
  const bool gave_up = (dp.missing_acks & adi::kDebugPowerAck) != 0;
  const std::chrono::milliseconds patience = gave_up ? std::chrono::milliseconds(0) : kPowerPatience;
  const auto missing = AwaitPower(session, (wanted << 1) & adi::kDebugPowerAck, true, patience);
  if (!missing.ok()) return missing.status();
  if (gave_up) return absl::OkStatus();
  // Sessions that read and write registers themselves see it in CTRL/STAT; the others get a FAULT.
  if (*missing != 0) warn_("the target has lost debug power, and does not acknowledge the new request for it");
  dp.missing_acks |= *missing;
  return absl::OkStatus();
}

// The wire has seen line resets, so the link is lost for every session, including the one that touched the wire.
absl::Status DpLink::RelinkFailed(const SessionState& session, const absl::Status& why) {
  if (IsError(why, ErrorKind::kProbeDisconnected)) return why;
  const bool anothers_doing = wire_.link == Link::kTouched && wire_.toucher_who != session.who;
  if (wire_.link != Link::kTouched) wire_.Touch(session, "attempt to reach its target");
  wire_.toucher = nullptr;
  if (!anothers_doing || IsInterrupted(why)) return why;
  return MakeError(ErrorKind::kProbeError, absl::StrCat("the target has not answered since the ", wire_.touched_by_what,
                                                        " of ", wire_.toucher_who, ": ", why.message()));
}

absl::Status DpLink::Recover(const SessionState& session, const absl::Status& failure) {
  const ErrorKind kind = GetError(failure).kind;
  if (kind == ErrorKind::kProbeDisconnected) return failure;
  if (kind == ErrorKind::kTransferFault || kind == ErrorKind::kTransferTimeout) {
    return ClearFault(session, wire_.dp().power != 0);
  }
  const std::string what = absl::StrCat("transfer that failed (", failure.message(), ")");
  if (wire_.link == Link::kUp) {
    wire_.Lose(session, what);
  } else {
    wire_.Touch(session, what);
  }
  return absl::OkStatus();
}

// Clears the sticky flags and, if `check_power`, requests debug power again if the target has lost it.
absl::Status DpLink::ClearFault(const SessionState& session, bool check_power) {
  uint32_t value = 0;
  const uint32_t select = 0;
  const std::array<TransferOp, 3> ops = {
      kAbort,
      {.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
      {.port = Port::kDp, .address = adi::kDpCtrlStat, .write = {}, .read = {&value, 1}},
  };
  const size_t count = check_power ? ops.size() : 1;
  const absl::Status cleared = probe_.Transfer(absl::MakeConstSpan(ops).first(count)).status;
  if (IsError(cleared, ErrorKind::kProbeDisconnected)) return cleared;
  if (!cleared.ok()) {
    wire_.Touch(session, "transfer after which the sticky flags could not be cleared");
    return absl::OkStatus();
  }
  if (!check_power) return absl::OkStatus();
  wire_.select = select;
  const uint32_t expected = (wire_.dp().power << 1) & adi::kDebugPowerAck;
  wire_.dp().missing_acks &= ~value;
  if ((value & expected) == expected) return absl::OkStatus();
  warn_("the target has lost debug power; requesting it again");
  wire_.Forget();
  const absl::Status restored = RestorePower(session);
  return IsError(restored, ErrorKind::kProbeDisconnected) ? restored : absl::OkStatus();
}

absl::Status DpLink::NoteTarget(SessionState& session, const TargetSelect& target) {
  if (session.dps.size() >= kMaxTargets && !session.dps.contains(target)) {
    return MakeError(ErrorKind::kUnsupported,
                     absl::StrCat("the session has already selected ", kMaxTargets, " targets, which is the most"));
  }
  session.target_select = target;
  session.dps.try_emplace(target);
  return absl::OkStatus();
}

absl::Status DpLink::SelectTarget(SessionState& session, uint32_t value) {
  if (absl::Status status = NoteTarget(session, value); !status.ok()) return status;
  session.trail.Clear();
  return Relink(session, value);
}

absl::Status DpLink::Run(const SessionState& session, std::initializer_list<TransferOp> ops) {
  absl::Status status = probe_.Transfer(absl::MakeConstSpan(ops.begin(), ops.size())).status;
  if (status.ok() || IsError(status, ErrorKind::kProbeDisconnected)) return status;
  wire_.Forget();
  const bool is_fault = IsError(status, ErrorKind::kTransferFault) || IsError(status, ErrorKind::kTransferTimeout);
  (void)(is_fault ? ClearFault(session, false) : Recover(session, status));
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
  const uint32_t before = std::exchange(session.dp().power, value & adi::kPowerRequests);
  const uint32_t clear_flags = value & adi::kStickyFlags;
  const uint32_t bits_before = std::exchange(wire_.dp().control_bits, value & ~(adi::kPowerBits | adi::kStickyFlags));
  const uint32_t wanted = PowerOfAll(session.target_select);
  if ((wire_.dp().power & ~wanted & adi::kDebugPowerRequest) != 0) RestoreOriginals(session);
  absl::Status status;
  // The two requests must not be withdrawn at the same time (ADIv5.2 §B2.2.2).
  if ((wire_.dp().power & ~wanted) == adi::kPowerRequests) status = WriteRequests(session, adi::kDebugPowerRequest);
  if (status.ok()) status = WriteRequests(session, wanted, clear_flags);
  if (!status.ok()) {
    session.dp().power = before;
    wire_.dp().control_bits = bits_before;
  }
  return status;
}

absl::Status DpLink::WriteRequests(const SessionState& session, uint32_t requests, uint32_t clear_flags) {
  const uint32_t select = wire_.select.value_or(0) & adi::kSelectApMask;
  const uint32_t value = requests | wire_.dp().control_bits | clear_flags;
  absl::Status status =
      Run(session, {{.port = Port::kDp, .address = adi::kDpSelect, .write = {&select, 1}, .read = {}},
                    {.port = Port::kDp, .address = adi::kDpCtrlStat, .write = {&value, 1}, .read = {}}});
  if (!status.ok()) return status;
  wire_.select = select;
  // Without power the APs may keep nothing.
  if ((wire_.dp().power & ~requests & adi::kDebugPowerRequest) != 0) wire_.Forget();
  wire_.dp().power = requests;
  return absl::OkStatus();
}

uint32_t DpLink::PowerOfAll(const TargetSelect& target) const {
  uint32_t requests = 0;
  for (const SessionState* session : users_) {
    const auto dp = session->dps.find(target);
    if (dp != session->dps.end()) requests |= dp->second.power;
  }
  // System power needs debug power (ADIv5.2 §B2.2.2).
  return (requests & adi::kSystemPowerRequest) != 0 ? requests | adi::kDebugPowerRequest : requests;
}

absl::Status DpLink::RequestPower(SessionState& session) {
  const uint32_t before = std::exchange(session.dp().power, adi::kPowerRequests);
  absl::Status status = WriteRequests(session, PowerOfAll(session.target_select));
  if (status.ok()) status = AwaitRequest(session);
  if (!status.ok()) session.dp().power = before;
  return status;
}

absl::Status DpLink::AwaitRequest(const SessionState& session) {
  WireDp& dp = wire_.dp();
  const uint32_t acks = adi::kDebugPowerAck | (adi::kSystemPowerAck & ~dp.missing_acks);
  const auto missing = AwaitPower(session, acks, true, kPowerPatience);
  if (!missing.ok()) return missing.status();
  if ((*missing & adi::kDebugPowerAck) != 0) {
    return MakeError(ErrorKind::kProbeError,
                     absl::StrCat("the target does not acknowledge the request for debug power within ",
                                  kPowerPatience.count(), " ms; is it powered, and is debugging allowed?"));
  }
  if (*missing != 0)
    warn_("the target does not acknowledge the request for system power; the server goes on without it");
  dp.missing_acks |= *missing;
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> DpLink::AwaitPower(const SessionState& session, uint32_t acks, bool up,
                                            std::chrono::milliseconds patience) {
  const LinkClock::TimePoint deadline = clock_.Now() + patience;
  std::chrono::milliseconds pause = kFirstPause;
  for (int reads = 1;; ++reads) {
    const auto value = ReadControlStatus(session);
    if (!value.ok()) return value.status();
    wire_.dp().missing_acks &= ~*value;
    const uint32_t missing = acks & (up ? ~*value : *value);
    if (missing == 0 || clock_.Now() >= deadline) return missing;
    if (reads < kQuickReads) continue;
    clock_.Sleep(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

void DpLink::ReleasePower(const SessionState& session, uint32_t wanted) {
  WireDp& dp = wire_.dp();
  if ((dp.power & ~wanted & adi::kDebugPowerRequest) != 0) RestoreOriginals(session);
  if ((dp.power & ~wanted & adi::kSystemPowerRequest) != 0) {
    if (!WriteRequests(session, wanted | adi::kDebugPowerRequest).ok()) return;
    // A target may keep its system powered. That is not a failure, because the request has been withdrawn.
    if (!AwaitPower(session, adi::kSystemPowerAck, false, kReleasePatience).ok()) return;
  }
  if (dp.power != wanted) (void)WriteRequests(session, wanted);
}

// The next user takes the CSW that it finds for the AP's original value.
void DpLink::RestoreOriginals(const SessionState& session) {
  WireDp& dp = wire_.dp();
  for (const auto& [ap, identity] : dp.identities) {
    WireAp& wire = dp.aps[ap];
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
