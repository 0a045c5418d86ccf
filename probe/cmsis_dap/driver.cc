#include "probe/cmsis_dap/driver.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/identify.h"
#include "probe/cmsis_dap/jtag_commands.h"
#include "probe/cmsis_dap/packet_writer.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/cmsis_dap/swo.h"
#include "probe/cmsis_dap/transfers.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using std::chrono::microseconds;

constexpr uint8_t kIdleCycles = 2;  // after each transfer, so that the DP can finish it if the clock then stops
constexpr microseconds kResetPulse{20'000};
constexpr microseconds kResetRise{100'000};  // for nRESET to be high again, against a capacitor on it

// How often a WAIT is tried again: request, turnaround, ACK and turnaround are 13 clocks.
uint16_t WaitRetries(uint32_t hertz, std::chrono::milliseconds bound) {
  const uint64_t retries = uint64_t{hertz} * static_cast<uint64_t>(bound.count()) / 1000 / 13;
  return static_cast<uint16_t>(std::clamp<uint64_t>(retries, 64, UINT16_MAX));
}

class CmsisDapProbe : public Probe {
 public:
  CmsisDapProbe(std::unique_ptr<Channel> channel, Identity identity, const Options& options)
      : channel_(std::move(channel)),
        identity_(std::move(identity)),
        options_(options),
        transfers_(*channel_, identity_.packet_size, identity_.packet_count),
        swo_(*channel_, identity_.packet_size, identity_.swo_stream),
        hertz_(options.initial_clock) {}

  const ProbeInfo& info() const override { return identity_.info; }
  void SetObserver(ProbeObserver* observer) override { channel_->SetObserver(observer); }
  absl::Status CheckPresent() override { return channel_->CheckPresent(); }
  absl::Status Open() override { return channel_->CheckPresent(); }
  void Close() override;
  absl::StatusOr<WireProtocol> Connect(WireProtocol protocol) override;
  absl::Status Disconnect() override;
  absl::Status SetClock(uint32_t hertz) override;
  absl::Status SwjSequence(size_t bit_count, absl::Span<const uint8_t> bits) override;
  absl::StatusOr<std::vector<std::vector<uint8_t>>> SwdSequence(absl::Span<const SwdSegment> segments) override;
  absl::StatusOr<std::vector<uint8_t>> JtagSequence(const JtagStretch& stretch) override;
  absl::Status Reset() override;
  absl::Status AssertReset(bool asserted) override;
  absl::StatusOr<bool> IsResetAsserted() override;
  TransferResult Transfer(absl::Span<const TransferOp> ops) override;
  absl::Status SwoStart(uint32_t baud) override;
  absl::Status SwoStop() override { return swo_.Stop(); }
  absl::StatusOr<SwoData> SwoRead() override;

 private:
  absl::Status Ready();
  absl::Status RestoreSettings();
  absl::Status ConnectPort();
  absl::Status ApplyClock(uint32_t hertz);
  absl::StatusOr<uint8_t> Pins(std::optional<bool> reset, microseconds wait);
  microseconds ClockTime(uint64_t clocks) const { return microseconds(clocks * 1'000'000 / hertz_); }

  const std::unique_ptr<Channel> channel_;
  const Identity identity_;
  const Options options_;
  Transfers transfers_;
  SwoCapture swo_;
  uint32_t hertz_;
  bool connected_ = false;
  bool jtag_ = false;            // while connected
  bool reset_asserted_ = false;  // nRESET is held low
  bool forgetful_ = false;       // the device was reset, and its settings have not been restored yet
};

// Every operation begins with this, except those that end another.
absl::Status CmsisDapProbe::Ready() {
  forgetful_ |= channel_->TakeReset();
  if (!forgetful_) return absl::OkStatus();
  absl::Status status = RestoreSettings();
  forgetful_ = !status.ok();
  return status;
}

absl::Status CmsisDapProbe::RestoreSettings() {
  if (connected_) {
    if (absl::Status status = ConnectPort(); !status.ok()) return status;
  }
  if (reset_asserted_) {
    if (absl::Status status = Pins(true, microseconds(0)).status(); !status.ok()) return status;
  }
  const absl::Status swo = swo_.Resume();  // if it fails, the next SwoRead says so
  return IsError(swo, ErrorKind::kProbeDisconnected) ? swo : absl::OkStatus();
}

void CmsisDapProbe::Close() {
  static_cast<void>(swo_.Stop());
  if (connected_) static_cast<void>(Disconnect());
}

absl::StatusOr<WireProtocol> CmsisDapProbe::Connect(WireProtocol protocol) {
  const bool jtag = protocol == WireProtocol::kJtag;
  if (jtag && !info().features.jtag) return MakeError(ErrorKind::kUnsupported, "this probe has no JTAG");
  if (absl::Status status = Ready(); !status.ok()) return status;
  jtag_ = jtag;
  if (absl::Status status = ConnectPort(); !status.ok()) return status;
  return jtag ? WireProtocol::kJtag : WireProtocol::kSwd;
}

absl::Status CmsisDapProbe::ConnectPort() {
  const auto reply = channel_->Ask(cmsis_dap::Connect{jtag_});
  if (!reply.ok()) return reply.status();
  if (!reply->connected) {
    return MakeError(ErrorKind::kProbeError,
                     jtag_ ? "the probe refuses to connect for JTAG" : "the probe refuses to connect for SWD");
  }
  connected_ = true;
  transfers_.UseJtag(jtag_);
  absl::Status configured = jtag_ ? channel_->Order(JtagConfigure{}) : channel_->Order(SwdConfigure{});
  if (!configured.ok()) return configured;
  if (absl::Status status = ApplyClock(hertz_); !status.ok()) return status;
  return channel_->Order(HostConnected{true});
}

absl::Status CmsisDapProbe::Disconnect() {
  connected_ = false;
  reset_asserted_ = false;  // all pins float
  if (absl::Status status = channel_->Order(cmsis_dap::Disconnect{}); !status.ok()) return status;
  return channel_->Order(HostConnected{false});
}

absl::Status CmsisDapProbe::SetClock(uint32_t hertz) {
  if (hertz == 0) return MakeError(ErrorKind::kInvalidArgument, "invalid clock frequency of 0 Hz");
  if (absl::Status status = Ready(); !status.ok()) return status;
  return ApplyClock(hertz);
}

absl::Status CmsisDapProbe::ApplyClock(uint32_t hertz) {
  if (absl::Status status = channel_->Order(SwjClock{hertz}); !status.ok()) return status;
  hertz_ = hertz;
  transfers_.SetPace(hertz, options_.wait_bound);
  return channel_->Order(
      TransferConfigure{.idle_cycles = kIdleCycles, .wait_retries = WaitRetries(hertz, options_.wait_bound)});
}

absl::Status CmsisDapProbe::SwjSequence(size_t bit_count, absl::Span<const uint8_t> bits) {
  if (bit_count == 0 || bits.size() < ByteCount(bit_count)) {
    return MakeError(ErrorKind::kInvalidArgument, "a sequence is empty, or has fewer bits than its length says");
  }
  if (absl::Status status = Ready(); !status.ok()) return status;
  while (bit_count > 0) {
    const size_t count = std::min(bit_count, cmsis_dap::SwjSequence::kMaxBits);
    const absl::Status status = channel_->Order(cmsis_dap::SwjSequence{count, bits}, ClockTime(count));
    if (!status.ok()) return status;
    bit_count -= count;
    bits.remove_prefix(ByteCount(count));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<uint8_t>>> CmsisDapProbe::SwdSequence(absl::Span<const SwdSegment> segments) {
  if (!info().features.swd_sequence) return MakeError(ErrorKind::kUnsupported, "this probe has no DAP_SWD_Sequence");
  for (const SwdSegment& segment : segments) {
    const bool whole = segment.output.empty() || segment.output.size() >= ByteCount(segment.cycles);
    if (segment.cycles == 0 || segment.cycles > SwdSegment::kMaxCycles || !whole) {
      return MakeError(ErrorKind::kInvalidArgument,
                       absl::StrCat("a segment takes 1 to ", SwdSegment::kMaxCycles, " cycles and a bit for each"));
    }
  }
  if (absl::Status status = Ready(); !status.ok()) return status;
  std::vector<std::vector<uint8_t>> captured;
  while (!segments.empty()) {
    const size_t count = cmsis_dap::SwdSequence::Fit(segments, identity_.packet_size);
    auto pieces =
        channel_->Ask(cmsis_dap::SwdSequence{segments.first(count)}, ClockTime(SwdSegment::kMaxCycles * count));
    if (!pieces.ok()) return pieces.status();
    std::move(pieces->begin(), pieces->end(), std::back_inserter(captured));
    segments.remove_prefix(count);
  }
  return captured;
}

absl::StatusOr<std::vector<uint8_t>> CmsisDapProbe::JtagSequence(const JtagStretch& stretch) {
  if (!info().features.jtag) return MakeError(ErrorKind::kUnsupported, "this probe has no DAP_JTAG_Sequence");
  if (stretch.cycles == 0 || stretch.tdi.size() < ByteCount(stretch.cycles)) {
    return MakeError(ErrorKind::kInvalidArgument, "a sequence is empty, or has fewer bits than its length says");
  }
  if (absl::Status status = Ready(); !status.ok()) return status;
  const size_t most = cmsis_dap::JtagSequence::MaxCycles(identity_.packet_size);
  std::vector<uint8_t> captured;
  for (size_t first = 0; first < stretch.cycles; first += most) {
    cmsis_dap::JtagSequence command{stretch};
    command.stretch.cycles = std::min(most, stretch.cycles - first);
    command.stretch.tdi.remove_prefix(first / 8);
    const auto piece = channel_->Ask(command, ClockTime(command.stretch.cycles));
    if (!piece.ok()) return piece.status();
    captured.insert(captured.end(), piece->begin(), piece->end());
  }
  return captured;
}

TransferResult CmsisDapProbe::Transfer(absl::Span<const TransferOp> ops) {
  if (absl::Status status = Ready(); !status.ok()) return {.status = std::move(status)};
  return transfers_.Run(ops);
}

absl::Status CmsisDapProbe::Reset() {
  if (absl::Status status = Ready(); !status.ok()) return status;
  const auto reply = channel_->Ask(ResetTarget{}, microseconds(std::chrono::seconds(1)));
  if (!reply.ok()) return reply.status();
  if (reply->was_reset) return absl::OkStatus();

  if (absl::Status status = Pins(true, microseconds(0)).status(); !status.ok()) return status;
  const absl::Status pulse = channel_->Order(Delay{static_cast<uint16_t>(kResetPulse.count())}, kResetPulse);
  const absl::StatusOr<uint8_t> released = Pins(false, kResetRise);
  if (!pulse.ok()) return pulse;
  if (!released.ok()) return released.status();
  reset_asserted_ = false;
  if ((*released & kPinReset) == 0) return MakeError(ErrorKind::kProbeError, "nRESET stays low after it was released");
  return absl::OkStatus();
}

absl::Status CmsisDapProbe::SwoStart(uint32_t baud) {
  if (!info().features.swo) return MakeError(ErrorKind::kUnsupported, "this probe cannot capture SWO");
  if (absl::Status status = Ready(); !status.ok()) return status;
  return swo_.Start(baud);
}

absl::StatusOr<SwoData> CmsisDapProbe::SwoRead() {
  if (absl::Status status = Ready(); !status.ok()) return status;
  return swo_.Read();
}

absl::Status CmsisDapProbe::AssertReset(bool asserted) {
  if (absl::Status status = Ready(); !status.ok()) return status;
  reset_asserted_ = asserted;
  return Pins(asserted, microseconds(0)).status();
}

absl::StatusOr<bool> CmsisDapProbe::IsResetAsserted() {
  if (absl::Status status = Ready(); !status.ok()) return status;
  const absl::StatusOr<uint8_t> pins = Pins(std::nullopt, microseconds(0));
  if (!pins.ok()) return pins.status();
  return (*pins & kPinReset) == 0;
}

// All pins, after nRESET was asserted or released, if `reset` says either.
absl::StatusOr<uint8_t> CmsisDapProbe::Pins(std::optional<bool> reset, microseconds wait) {
  const SwjPins command{.output = reset == false ? kPinReset : uint8_t{0},
                        .select = reset ? kPinReset : uint8_t{0},
                        .wait_microseconds = static_cast<uint32_t>(wait.count())};
  const auto reply = channel_->Ask(command, wait);
  if (!reply.ok()) return reply.status();
  return reply->pins;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Probe>> OpenCmsisDap(std::unique_ptr<Transport> transport, const Options& options) {
  auto channel = std::make_unique<Channel>(std::move(transport), options.reply_timeout);
  absl::StatusOr<Identity> identity = Identify(*channel, options.known, options.fallback_id);
  if (!identity.ok()) return identity.status();
  return std::make_unique<CmsisDapProbe>(std::move(channel), *std::move(identity), options);
}

}  // namespace probegate::cmsis_dap
