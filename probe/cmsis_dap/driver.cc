#include "probe/cmsis_dap/driver.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/identify.h"
#include "probe/cmsis_dap/jtag_commands.h"
#include "probe/cmsis_dap/packet_writer.h"
#include "probe/cmsis_dap/probe_port.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/cmsis_dap/swo.h"
#include "probe/cmsis_dap/target_labels.h"
#include "probe/cmsis_dap/transfers.h"
#include "probe/cmsis_dap/wire_chain.h"
#include "probe/cmsis_dap/wire_clock.h"
#include "probe/error.h"
#include "probe/interrupt.h"

namespace probegate::cmsis_dap {
namespace {

using std::chrono::microseconds;

// Sets `value`, unless `setting` is empty, to the setting, or to `most` if that is less. Notes in `info` what is used.
void ApplyNumber(const char* name, std::optional<uint32_t> setting, size_t most, size_t& value, ProbeInfo& info) {
  if (setting) value = std::min<size_t>(*setting, most);
  const std::string used = absl::StrCat(value);
  const auto applied = std::find_if(info.settings.begin(), info.settings.end(),
                                    [name](const AppliedSetting& one) { return one.setting == name; });
  if (applied != info.settings.end()) {
    applied->value = used;
  } else {
    info.settings.push_back({name, used, "the probe"});
  }
}

// Makes `identity` and `options` follow the settings, and notes in `identity` which apply and why.
void ApplySettings(const ChosenSettings& chosen, size_t most_packet, Identity& identity, Options& options) {
  const ProbeSettings& settings = chosen.settings;
  ProbeInfo& info = identity.info;
  info.settings = chosen.applied;
  ApplyNumber("packet-count", settings.packet_count, UINT8_MAX, identity.packet_count, info);
  ApplyNumber("packet-size", settings.packet_size, most_packet, identity.packet_size, info);
  info.features.jtag = info.features.jtag && identity.packet_size >= kUsualPacket;
  if (settings.serial) info.unique_id = *settings.serial;
  if (settings.jtag_chain) options.jtag_chain = *settings.jtag_chain;
  options.default_clock = settings.clock.value_or(options.default_clock);
  options.max_clock = settings.clock_max.value_or(options.max_clock);
  for (const auto& [key, value] : settings.labels) info.labels[key] = value;
}

// Raised from a point in time on.
class Deadline final : public Interrupt {
 public:
  explicit Deadline(TimePoint time) : time_(time) {}
  bool raised() const override { return std::chrono::steady_clock::now() >= time_; }

 private:
  const TimePoint time_;
};

class CmsisDapProbe : public Probe {
 public:
  CmsisDapProbe(std::unique_ptr<Channel> channel, Identity identity, const Options& options)
      : channel_(std::move(channel)),
        identity_(std::move(identity)),
        transfers_(*channel_, identity_.packet_size, identity_.packet_count),
        port_(*channel_),
        clock_(*channel_, transfers_, options.default_clock, options.max_clock, options.wait_bound),
        chain_(*channel_, transfers_, clock_, identity_.packet_size, options.jtag_chain),
        swo_(*channel_, identity_.packet_size, identity_.swo_stream) {}

  const ProbeInfo& info() const override { return identity_.info; }
  void SetObserver(ProbeObserver* observer) override { channel_->SetObserver(observer); }
  void SetInterrupt(const Interrupt* interrupt) override { channel_->SetInterrupt(interrupt); }
  absl::Status CheckPresent() override { return channel_->CheckPresent(); }
  absl::Status Open() override { return channel_->CheckPresent(); }
  void Close() override;
  absl::StatusOr<WireProtocol> Connect(WireProtocol protocol) override;
  absl::Status Disconnect() override;
  absl::StatusOr<uint32_t> SetClock(std::optional<uint32_t> hertz) override;
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
  absl::Status Configure(WireProtocol protocol);
  microseconds ClockTime(uint64_t clocks) const { return microseconds(clocks * 1'000'000 / clock_.hertz()); }
  // How much of a sequence may be in one packet (kLongestPacket): whole bytes.
  size_t BitsPerPacket() const { return std::max<size_t>(clock_.ClocksPerPacket() / 8, 1) * 8; }

  const std::unique_ptr<Channel> channel_;
  const Identity identity_;
  Transfers transfers_;
  ProbePort port_;
  WireClock clock_;
  WireChain chain_;
  SwoCapture swo_;
  bool forgetful_ = false;  // the device was reset, and its settings have not been restored yet
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
  if (absl::Status status = port_.Restore(); !status.ok()) return status;
  if (port_.wire()) {
    if (absl::Status status = Configure(*port_.wire()); !status.ok()) return status;
  }
  const absl::Status swo = swo_.Resume();  // if it fails, the next SwoRead says so
  return IsError(swo, ErrorKind::kProbeDisconnected) ? swo : absl::OkStatus();
}

void CmsisDapProbe::Close() {
  static_cast<void>(swo_.Stop());
  if (port_.wire()) static_cast<void>(Disconnect());
  port_.Close();
}

absl::StatusOr<WireProtocol> CmsisDapProbe::Connect(WireProtocol protocol) {
  const WireProtocol chosen = protocol == WireProtocol::kJtag ? WireProtocol::kJtag : WireProtocol::kSwd;
  if (chosen == WireProtocol::kJtag && !info().features.jtag) {
    return MakeError(ErrorKind::kUnsupported, "this probe has no JTAG");
  }
  if (absl::Status status = Ready(); !status.ok()) return status;
  chain_.Forget();
  if (absl::Status status = port_.Connect(chosen); !status.ok()) return status;
  if (absl::Status status = Configure(chosen); !status.ok()) {
    static_cast<void>(port_.Disconnect());
    return status;
  }
  return chosen;
}

// What the device needs to know after its port was connected.
absl::Status CmsisDapProbe::Configure(WireProtocol protocol) {
  const bool jtag = protocol == WireProtocol::kJtag;
  if (!jtag) transfers_.UseSwd();
  absl::Status configured = jtag ? chain_.Restore() : channel_->Offer(SwdConfigure{}).status();
  if (!configured.ok()) return configured;
  if (absl::Status status = clock_.Restore(); !status.ok()) return status;
  return channel_->Offer(HostConnected{true}).status();
}

absl::Status CmsisDapProbe::Disconnect() {
  if (absl::Status status = port_.Disconnect(); !status.ok()) return status;
  return channel_->Offer(HostConnected{false}).status();
}

absl::StatusOr<uint32_t> CmsisDapProbe::SetClock(std::optional<uint32_t> hertz) {
  if (hertz == 0u) return MakeError(ErrorKind::kInvalidArgument, "invalid clock frequency of 0 Hz");
  if (absl::Status status = Ready(); !status.ok()) return status;
  return clock_.Set(hertz);
}

absl::Status CmsisDapProbe::SwjSequence(size_t bit_count, absl::Span<const uint8_t> bits) {
  if (bit_count == 0 || bits.size() < ByteCount(bit_count)) {
    return MakeError(ErrorKind::kInvalidArgument, "a sequence is empty, or has fewer bits than its length says");
  }
  if (absl::Status status = Ready(); !status.ok()) return status;
  chain_.NoteSequence();
  const size_t most = std::min(cmsis_dap::SwjSequence::MaxBits(identity_.packet_size), BitsPerPacket());
  while (bit_count > 0) {
    if (channel_->interrupted()) return Interrupted();
    const size_t count = std::min(bit_count, most);
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
  const size_t most = std::max<size_t>(BitsPerPacket() / SwdSegment::kMaxCycles, 1);
  while (!segments.empty()) {
    if (channel_->interrupted()) return Interrupted();
    const size_t count = std::min(cmsis_dap::SwdSequence::Fit(segments, identity_.packet_size), most);
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
  chain_.NoteSequence();
  const size_t most = std::min(cmsis_dap::JtagSequence::MaxCycles(identity_.packet_size), BitsPerPacket());
  std::vector<uint8_t> captured;
  for (size_t first = 0; first < stretch.cycles; first += most) {
    if (channel_->interrupted()) return Interrupted();
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
  if (port_.wire() != WireProtocol::kJtag) return transfers_.Run(ops);
  if (channel_->interrupted()) return {.status = Interrupted()};
  if (absl::Status status = chain_.Find(); !status.ok()) return {.status = std::move(status)};
  TransferResult result = transfers_.Run(ops);
  if (IsError(result.status, ErrorKind::kTransferError)) result.status = chain_.Doubt(result.status);
  return result;
}

absl::Status CmsisDapProbe::Reset() {
  if (absl::Status status = Ready(); !status.ok()) return status;
  return port_.PulseReset();
}

absl::Status CmsisDapProbe::AssertReset(bool asserted) {
  if (absl::Status status = Ready(); !status.ok()) return status;
  return port_.HoldReset(asserted);
}

absl::StatusOr<bool> CmsisDapProbe::IsResetAsserted() {
  if (absl::Status status = Ready(); !status.ok()) return status;
  return port_.IsResetLow();
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

}  // namespace

absl::StatusOr<std::unique_ptr<Probe>> OpenCmsisDap(std::unique_ptr<Transport> transport, const Options& options) {
  auto channel = std::make_unique<Channel>(std::move(transport), options.reply_timeout);
  const Deadline deadline(std::chrono::steady_clock::now() + options.identify_timeout);
  channel->SetInterrupt(&deadline);
  absl::StatusOr<Identity> identity = Identify(*channel, options);
  if (!identity.ok()) return identity.status();
  auto labels = AskTargetLabels(*channel);
  if (!labels.ok()) return labels.status();
  channel->SetInterrupt(nullptr);
  identity->info.labels = *std::move(labels);
  Options own = options;
  const ChosenSettings chosen = options.settings ? options.settings(identity->info) : ChosenSettings();
  ApplySettings(chosen, channel->max_packet_size(), *identity, own);
  return std::make_unique<CmsisDapProbe>(std::move(channel), *std::move(identity), own);
}

}  // namespace probegate::cmsis_dap
