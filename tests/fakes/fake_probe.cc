#include "tests/fakes/fake_probe.h"

#include <algorithm>
#include <utility>

#include "probe/error.h"

namespace probegate {

using Kind = WireCall::Kind;

FakeProbe::FakeProbe(std::shared_ptr<FakeWire> wire) : wire_(std::move(wire)) {
  MutexLock lock(wire_->mutex_);
  wire_->unplugged_ = wire_->open_ = wire_->connected_ = wire_->reset_asserted_ = false;
}

absl::Status FakeProbe::Seen(absl::Status status) {
  if (IsError(status, ErrorKind::kProbeDisconnected) && !std::exchange(seen_gone_, true)) {
    observer_->OnDisconnect(DisconnectCause::kLinkClosed);
  }
  return status;
}

absl::Status FakeProbe::Enter(WireCall call) { return Seen(wire_->Enter(std::move(call))); }

absl::Status FakeProbe::CheckPresent() {
  MutexLock lock(wire_->mutex_);
  if (!wire_->unplugged_) return absl::OkStatus();
  return Seen(MakeError(ErrorKind::kProbeDisconnected, "the fake probe is unplugged"));
}

absl::Status FakeProbe::Open() {
  MutexLock lock(wire_->mutex_);
  absl::Status status = Enter({.kind = Kind::kOpen});
  wire_->open_ = status.ok();
  return status;
}

void FakeProbe::Close() {
  MutexLock lock(wire_->mutex_);
  wire_->calls_.push_back({.kind = Kind::kClose});
  wire_->open_ = wire_->connected_ = wire_->reset_asserted_ = false;
  wire_->swo_baud_.reset();
}

absl::StatusOr<WireProtocol> FakeProbe::Connect(WireProtocol protocol) {
  MutexLock lock(wire_->mutex_);
  if (absl::Status status = Enter({.kind = Kind::kConnect}); !status.ok()) return status;
  const bool jtag = protocol == WireProtocol::kJtag;
  if (jtag && !wire_->info_.features.jtag) return MakeError(ErrorKind::kUnsupported, "the fake probe has no JTAG");
  wire_->connected_ = true;
  wire_->board_.UseJtag(jtag);
  return jtag ? WireProtocol::kJtag : WireProtocol::kSwd;
}

absl::Status FakeProbe::Disconnect() {
  MutexLock lock(wire_->mutex_);
  if (absl::Status status = Enter({.kind = Kind::kDisconnect}); !status.ok()) return status;
  wire_->connected_ = false;
  wire_->board_.LoseLink();
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> FakeProbe::SetClock(std::optional<uint32_t> hertz) {
  constexpr uint32_t kDefault = 1'000'000;
  MutexLock lock(wire_->mutex_);
  if (absl::Status status = Enter({.kind = Kind::kSetClock, .argument = hertz.value_or(0)}); !status.ok()) {
    return status;
  }
  if (hertz.value_or(kDefault) < wire_->lowest_clock_ && hertz) {
    return MakeError(ErrorKind::kProbeError, "the fake probe has no clock as low as this");
  }
  wire_->clock_ = std::min(hertz.value_or(kDefault), wire_->highest_clock_);
  return wire_->clock_;
}

absl::Status FakeProbe::SwjSequence(size_t bit_count, absl::Span<const uint8_t> bits) {
  if (interrupted()) return Interrupted();
  MutexLock lock(wire_->mutex_);
  absl::Status status = Enter({.kind = Kind::kSwjSequence, .argument = bit_count});
  if (status.ok()) wire_->board_.Clock(bit_count, bits);
  return status;
}

absl::StatusOr<std::vector<std::vector<uint8_t>>> FakeProbe::SwdSequence(absl::Span<const SwdSegment> segments) {
  if (interrupted()) return Interrupted();
  MutexLock lock(wire_->mutex_);
  absl::Status status = Enter({.kind = Kind::kSwdSequence, .argument = segments.size()});
  if (!status.ok()) return status;
  std::vector<uint8_t> bits;
  std::vector<std::vector<uint8_t>> captured;
  size_t count = 0;
  for (const SwdSegment& segment : segments) {
    bits.resize((count + segment.cycles + 7) / 8);
    for (uint32_t i = 0; i < segment.cycles; ++i, ++count) {
      const bool high = !segment.output.empty() && ((segment.output[i / 8] >> (i % 8)) & 1) != 0;
      if (high) bits[count / 8] |= static_cast<uint8_t>(1u << (count % 8));
    }
    if (segment.output.empty()) captured.emplace_back((segment.cycles + 7) / 8);
  }
  wire_->board_.Clock(count, bits);
  return captured;
}

absl::StatusOr<std::vector<uint8_t>> FakeProbe::JtagSequence(const JtagStretch& stretch) {
  if (interrupted()) return Interrupted();
  MutexLock lock(wire_->mutex_);
  absl::Status status = Enter({.kind = Kind::kJtagSequence, .argument = stretch.cycles});
  if (!status.ok()) return status;
  const size_t bytes = (stretch.cycles + 7) / 8;
  wire_->board_.Clock(stretch.cycles, std::vector<uint8_t>(bytes, stretch.tms ? 0xFF : 0));
  // As if everything were in BYPASS: the bits that go in come out.
  return stretch.capture ? std::vector<uint8_t>(stretch.tdi.begin(), stretch.tdi.begin() + bytes)
                         : std::vector<uint8_t>();
}

absl::Status FakeProbe::Reset() {
  MutexLock lock(wire_->mutex_);
  absl::Status status = Enter({.kind = Kind::kReset});
  if (status.ok() && !wire_->reset_asserted_) ++wire_->reset_pulses_;
  return status;
}

absl::Status FakeProbe::AssertReset(bool asserted) {
  MutexLock lock(wire_->mutex_);
  absl::Status status = Enter({.kind = Kind::kAssertReset, .argument = asserted});
  if (status.ok()) wire_->reset_asserted_ = asserted;
  return status;
}

absl::StatusOr<bool> FakeProbe::IsResetAsserted() {
  MutexLock lock(wire_->mutex_);
  if (absl::Status status = Enter({.kind = Kind::kIsResetAsserted}); !status.ok()) return status;
  return wire_->reset_asserted_;
}

absl::Status FakeProbe::SwoStart(uint32_t baud) {
  MutexLock lock(wire_->mutex_);
  if (absl::Status status = Enter({.kind = Kind::kSwoStart, .argument = baud}); !status.ok()) return status;
  if (!wire_->info_.features.swo) return MakeError(ErrorKind::kUnsupported, "the fake probe has no SWO");
  wire_->swo_baud_ = baud;
  wire_->swo_.clear();
  return absl::OkStatus();
}

absl::Status FakeProbe::SwoStop() {
  MutexLock lock(wire_->mutex_);
  absl::Status status = Enter({.kind = Kind::kSwoStop});
  if (status.ok()) wire_->swo_baud_.reset();
  return status;
}

absl::StatusOr<SwoData> FakeProbe::SwoRead() {
  MutexLock lock(wire_->mutex_);
  if (absl::Status status = Enter({.kind = Kind::kSwoRead}); !status.ok()) return status;
  if (!wire_->swo_baud_) return MakeError(ErrorKind::kProbeError, "the fake probe does not capture");
  if (wire_->swo_.empty()) return SwoData{};
  SwoData data = std::move(wire_->swo_.front());
  wire_->swo_.pop_front();
  data.more = !wire_->swo_.empty();
  return data;
}

TransferResult FakeProbe::Transfer(absl::Span<const TransferOp> ops) {
  TransferResult result = wire_->Transfer(ops, interrupt_);
  result.status = Seen(std::move(result.status));
  const ErrorKind kind = result.status.ok() ? ErrorKind::kInternal : GetError(result.status).kind;
  if (kind == ErrorKind::kTransferTimeout) observer_->OnWait();
  if (kind == ErrorKind::kTransferFault) observer_->OnFault();
  if (kind == ErrorKind::kTransferError) observer_->OnNoAck();
  if (kind == ErrorKind::kProbeError) observer_->OnRetry();
  if (kind != ErrorKind::kProbeError && kind != ErrorKind::kProbeDisconnected) {
    observer_->OnPacket(result.completed, 4 * result.completed, 4 * result.completed);
  }
  return result;
}

}  // namespace probegate
