#include "server/sharing/shared_probe.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hex.h"
#include "probe/adi/link.h"
#include "probe/error.h"

namespace probegate {
namespace {

constexpr uint64_t kClocksPerTransfer = 64;  // 46 over SWD, and more over JTAG or if the target answers WAIT

// `hertz`: 0 if the clock is the probe's own, which is not known.
size_t SliceAt(uint32_t hertz) {
  if (hertz == 0) return kSliceTransfers;
  const uint64_t clocks = uint64_t{hertz} * static_cast<uint64_t>(kLongestTurn.count()) / 2000;
  return std::clamp<size_t>(clocks / kClocksPerTransfer, 1, kSliceTransfers);
}

std::string_view Name(WireProtocol protocol) { return protocol == WireProtocol::kJtag ? "JTAG" : "SWD"; }

}  // namespace

SharedProbe::SharedProbe(std::unique_ptr<Probe> probe, DpLink::Warn warn, const Histogram* batch_commands,
                         const SwoCounters& swo, uint32_t clock_min)
    : probe_(std::move(probe)),
      clock_min_(clock_min),
      swo_(*probe_, swo),
      link_(*probe_, wire_, clock_, std::move(warn)),
      jobs_(*probe_, wire_, link_, bound_, batch_commands) {
  probe_->SetInterrupt(&bound_);
}

SharedProbe::~SharedProbe() { Shutdown(); }

void SharedProbe::Join(SessionState& session) { sessions_.push_back(&session); }

void SharedProbe::Leave(SessionState& session) {
  (void)swo_.Stop(session);
  LetGoOfWire(session);
  session.open_count = 0;
  std::erase(sessions_, &session);
  wire_.Drop(session);
  const bool still_open =
      std::any_of(sessions_.begin(), sessions_.end(), [](const auto* s) { return s->open_count > 0; });
  if (probe_open_ && !still_open) {
    probe_->Close();
    probe_open_ = false;
  }
}

void SharedProbe::Shutdown() {
  while (!sessions_.empty()) Leave(*sessions_.back());
}

absl::Status SharedProbe::Open(SessionState& session) {
  if (!probe_open_) {
    if (absl::Status status = probe_->Open(); !status.ok()) return status;
    probe_open_ = true;
  }
  ++session.open_count;
  return absl::OkStatus();
}

absl::Status SharedProbe::Close(SessionState& session) {
  if (session.open_count == 0) return absl::OkStatus();
  if (session.open_count > 1) {
    --session.open_count;
    return absl::OkStatus();
  }
  Leave(session);
  Join(session);
  return absl::OkStatus();
}

absl::StatusOr<WireProtocol> SharedProbe::Connect(SessionState& session, WireProtocol protocol) {
  if (absl::Status status = RequireOpen(session); !status.ok()) return status;
  if (protocol_ && protocol != WireProtocol::kDefault && protocol != *protocol_) {
    std::vector<std::string> users;
    for (const SessionState* other : sessions_) {
      if (other->connect_count > 0) users.push_back(other->who);
    }
    return MakeError(
        ErrorKind::kProbeError,
        absl::StrCat("cannot connect with ", std::string(Name(protocol)), ": probe ", info().unique_id,
                     " is connected with ", std::string(Name(*protocol_)), " by ", absl::StrJoin(users, " and ")));
  }
  if (!protocol_) {
    const auto chosen = probe_->Connect(protocol);
    if (!chosen.ok()) return chosen.status();
    wire_ = WireState{.jtag = *chosen == WireProtocol::kJtag};
    if (absl::Status status = ApplyClock().status(); !status.ok()) {
      (void)probe_->Disconnect();
      return status;
    }
    protocol_ = *chosen;
  }
  if (session.connect_count++ == 0) link_.Add(session);
  return *protocol_;
}

absl::Status SharedProbe::Disconnect(SessionState& session) {
  if (session.connect_count > 1) {
    --session.connect_count;
  } else if (session.connect_count == 1) {
    LetGoOfWire(session);
  }
  return absl::OkStatus();
}

std::optional<WireProtocol> SharedProbe::ProtocolFor(const SessionState& session) const {
  return session.connect_count > 0 ? protocol_ : std::nullopt;
}

// Ends a session's use of the wire, if the probe still answers. Errors are ignored, because there is no one to report
// them to.
void SharedProbe::LetGoOfWire(SessionState& session) {
  const bool was_connected = session.connect_count > 0;
  session.connect_count = 0;
  session.clock_hz.reset();
  if (std::exchange(session.holds_reset, false)) (void)ApplyReset();
  if (!was_connected) {
    if (protocol_) (void)ApplyClock().status();
    return;
  }
  link_.Remove(session);
  session.memory_interfaces.clear();
  session.dps.clear();
  session.target_select.reset();
  session.trail.Clear();
  const bool last =
      std::none_of(sessions_.begin(), sessions_.end(), [](const SessionState* s) { return s->connect_count > 0; });
  if (last) {
    (void)probe_->Disconnect();
    protocol_.reset();
    wire_ = WireState();
  } else {
    (void)ApplyClock().status();
  }
}

// `effect`: of the session's raw bits together with those that it is about to drive, for which this makes the wire fit.
absl::Status SharedProbe::PrepareRaw(SessionState& session, const adi::RawEffect& effect, std::string what) {
  if (absl::Status status = link_.PrepareRaw(session); !status.ok()) return status;
  if (effect.line_reset || effect.target_select) {
    if (absl::Status status = DpLink::NoteTarget(session, effect.target_select); !status.ok()) return status;
  }
  wire_.Touch(session, std::move(what));
  wire_.target_select = session.target_select;
  return absl::OkStatus();
}

absl::Status SharedProbe::SwjSequence(SessionState& session, size_t bit_count, absl::Span<const uint8_t> bits) {
  if (absl::Status status = RequireConnected(session); !status.ok()) return status;
  const adi::RawEffect effect = wire_.jtag ? adi::RawEffect{} : session.trail.EffectWith(bit_count, bits);
  if (absl::Status status = PrepareRaw(session, effect, "raw SWJ sequence"); !status.ok()) return status;
  if (wire_.jtag) {
    session.trail.AddTms(bit_count, bits);
  } else {
    session.trail.AddSwj(bit_count, bits, effect);
  }
  return probe_->SwjSequence(bit_count, bits);
}

absl::StatusOr<std::vector<std::vector<uint8_t>>> SharedProbe::SwdSequence(SessionState& session,
                                                                           absl::Span<const SwdSegment> segments) {
  if (absl::Status status = RequireConnected(session); !status.ok()) return status;
  if (!info().features.swd_sequence) {
    return MakeError(ErrorKind::kUnsupported, absl::StrCat("probe ", info().unique_id, " has no SWD sequences"));
  }
  if (absl::Status status = RequireProtocol(WireProtocol::kSwd); !status.ok()) return status;
  const adi::RawEffect effect = session.trail.EffectWith(segments);
  if (absl::Status status = PrepareRaw(session, effect, "raw SWD sequence"); !status.ok()) return status;
  session.trail.AddSwd(segments, effect);
  return probe_->SwdSequence(segments);
}

absl::StatusOr<std::vector<uint8_t>> SharedProbe::JtagSequence(SessionState& session, const JtagStretch& stretch) {
  if (absl::Status status = RequireConnected(session); !status.ok()) return status;
  if (!info().features.jtag) {
    return MakeError(ErrorKind::kUnsupported, absl::StrCat("probe ", info().unique_id, " has no JTAG sequences"));
  }
  if (absl::Status status = RequireProtocol(WireProtocol::kJtag); !status.ok()) return status;
  if (absl::Status status = PrepareRaw(session, {}, "raw JTAG sequence"); !status.ok()) return status;
  session.trail.AddJtag(stretch);
  return probe_->JtagSequence(stretch);
}

absl::Status SharedProbe::RequireProtocol(WireProtocol protocol) const {
  if (protocol_ == protocol) return absl::OkStatus();
  return MakeError(ErrorKind::kProbeError,
                   absl::StrCat("a raw ", std::string(Name(protocol)), " sequence, but probe ", info().unique_id,
                                " is connected with ", std::string(Name(*protocol_))));
}

absl::StatusOr<uint32_t> SharedProbe::SetClock(SessionState& session, uint32_t hertz) {
  if (absl::Status status = RequireOpen(session); !status.ok()) return status;
  const auto before = std::exchange(session.clock_hz, std::max(hertz, clock_min_));
  const auto runs = ApplyClock();
  if (!runs.ok()) session.clock_hz = before;
  return runs;
}

absl::StatusOr<uint32_t> SharedProbe::ApplyClock() {
  std::optional<uint32_t> lowest;
  for (const SessionState* session : sessions_) {
    if (session->clock_hz && (!lowest || *session->clock_hz < *lowest)) lowest = session->clock_hz;
  }
  auto runs = probe_->SetClock(lowest);
  if (runs.ok()) slice_ = SliceAt(*runs);
  return runs;
}

absl::Status SharedProbe::SwoStart(SessionState& session, uint32_t baud) {
  if (absl::Status status = RequireOpen(session); !status.ok()) return status;
  return swo_.Start(session, baud);
}

absl::Status SharedProbe::Reset(SessionState& session) {
  if (absl::Status status = RequireOpen(session); !status.ok()) return status;
  wire_.Touch(session, "reset");
  return probe_->Reset();
}

absl::Status SharedProbe::AssertReset(SessionState& session, bool asserted) {
  if (absl::Status status = RequireOpen(session); !status.ok()) return status;
  wire_.Touch(session, asserted ? "hold on nRESET" : "release of nRESET");
  session.holds_reset = asserted;
  absl::Status status = ApplyReset();
  if (!status.ok() && std::exchange(session.holds_reset, false)) (void)ApplyReset();
  return status;
}

// The probe knows what the pin does; here is only who wants it low.
absl::Status SharedProbe::ApplyReset() {
  return probe_->AssertReset(
      std::any_of(sessions_.begin(), sessions_.end(), [](const SessionState* s) { return s->holds_reset; }));
}

absl::StatusOr<bool> SharedProbe::IsResetAsserted(SessionState& session) {
  if (absl::Status status = RequireOpen(session); !status.ok()) return status;
  return probe_->IsResetAsserted();
}

absl::StatusOr<std::optional<uint32_t>> SharedProbe::MemoryInterface(SessionState& session, uint32_t ap_version,
                                                                     uint64_t address,
                                                                     const adi::AccessAttributes& attributes) {
  if (absl::Status status = RequireConnected(session); !status.ok()) return status;
  if (absl::Status status = link_.Prepare(session, true); !status.ok()) return status;
  if ((ap_version == 2) != wire_.adiv6()) return std::nullopt;
  if (absl::Status status = link_.RequestPower(session); !status.ok()) return status;
  const ApId ap = ap_version == 1 ? address << 24 : address;
  // Reading CSW makes the plan find out what the AP is.
  const uint64_t csw = MakeApAddress(ap, adi::kApCsw, wire_.adiv6());
  absl::Status status = jobs_.RunOne(session, TransferJob::ReadRegister(TransferStep::Target::kAp, csw, 1));
  if (!status.ok()) return status;
  if (!wire_.dp().identities[ap].is_mem_ap) return std::nullopt;
  const MemoryAccess access{.target = session.target_select, .ap = ap, .attributes = attributes};
  const auto known = std::find(session.memory_interfaces.begin(), session.memory_interfaces.end(), access);
  const auto handle = static_cast<uint32_t>(known - session.memory_interfaces.begin());
  if (known != session.memory_interfaces.end()) return handle;
  session.memory_interfaces.push_back(access);
  if (attributes != adi::AccessAttributes{}) status = CheckAttributes(session, handle);
  if (!status.ok()) {
    session.memory_interfaces.pop_back();
    return status;
  }
  return handle;
}

absl::Status SharedProbe::CheckAttributes(SessionState& session, uint32_t handle) {
  if (absl::Status status = jobs_.RunOne(session, TransferJob::LearnMemory(handle)); !status.ok()) return status;
  const MemoryAccess& access = session.memory_interfaces[handle];
  const ApIdentity& identity = wire_.dp().identities[access.ap];
  const std::string why = identity.attributes->WhyNot(access.attributes);
  if (why.empty()) return absl::OkStatus();
  const uint64_t ap = wire_.adiv6() ? access.ap : access.ap >> 24;
  return MakeError(ErrorKind::kUnsupported,
                   absl::StrCat("AP ", Hex(ap, 1), " (IDR ", Hex(identity.idr), ") cannot make ",
                                adi::ToString(access.attributes), " accesses: ", why, "; leave that attribute out"));
}

absl::Status SharedProbe::WriteDp(SessionState& session, uint8_t address, uint32_t value) {
  if (absl::Status status = RequireConnected(session); !status.ok()) return status;
  if (address == adi::kDpTargetSel && !wire_.jtag) return link_.SelectTarget(session, value);
  const uint32_t bank = session.dp().select & adi::kSelectDpBankMask;
  if (bank == 0) return link_.WriteControlStatus(session, value);
  if (bank == adi::kDlcrBank && (value & adi::kDlcrTurnround) != 0) {
    return MakeError(
        ErrorKind::kUnsupported,
        absl::StrCat("DLCR ", Hex(value), " changes the turnaround, which the probe's other users rely on"));
  }
  if (bank == adi::kDpSelect1Bank && wire_.adiv6()) {
    session.dp().select1 = value;
    return absl::OkStatus();
  }
  return jobs_.RunOne(session, TransferJob::WriteRegister(TransferStep::Target::kDp, address, {value}));
}

}  // namespace probegate
