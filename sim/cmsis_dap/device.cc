#include "sim/cmsis_dap/device.h"

#include <algorithm>

#include "sim/cmsis_dap/info.h"

namespace probegate::sim {
const Device::CommandRow Device::kCommands[] = {
    {Command::kInfo, &CallOwn<&Device::Info>},
    {Command::kHostStatus, &CallOwn<&Device::HostStatus>},
    {Command::kDelay, &CallOwn<&Device::Delay>},
    {Command::kResetTarget, &CallOwn<&Device::ResetTarget>},
    {Command::kConnect, &Call<&Device::pin_commands_, &PinCommands::Connect>},
    {Command::kDisconnect, &Call<&Device::pin_commands_, &PinCommands::Disconnect>},
    {Command::kSwjPins, &Call<&Device::pin_commands_, &PinCommands::Pins>},
    {Command::kSwjClock, &Call<&Device::pin_commands_, &PinCommands::Clock>},
    {Command::kSwjSequence, &Call<&Device::pin_commands_, &PinCommands::Sequence>},
    {Command::kTransferConfigure, &Call<&Device::transfers_, &Transfers::Configure>},
    {Command::kTransfer, &Call<&Device::transfers_, &Transfers::Transfer>},
    {Command::kTransferBlock, &Call<&Device::transfers_, &Transfers::TransferBlock>},
    {Command::kWriteAbort, &Call<&Device::transfers_, &Transfers::WriteAbort>},
    {Command::kSwdConfigure, &Call<&Device::swd_commands_, &SwdCommands::Configure>},
    {Command::kSwdSequence, &Call<&Device::swd_commands_, &SwdCommands::Sequence>},
    {Command::kJtagSequence, &Call<&Device::jtag_commands_, &JtagCommands::Sequence>},
    {Command::kJtagConfigure, &Call<&Device::jtag_commands_, &JtagCommands::Configure>},
    {Command::kJtagIdcode, &Call<&Device::jtag_commands_, &JtagCommands::Idcode>},
    {Command::kSwoTransport, &Call<&Device::swo_commands_, &SwoCommands::Transport>},
    {Command::kSwoMode, &Call<&Device::swo_commands_, &SwoCommands::Mode>},
    {Command::kSwoBaudrate, &Call<&Device::swo_commands_, &SwoCommands::Baudrate>},
    {Command::kSwoControl, &Call<&Device::swo_commands_, &SwoCommands::Control>},
    {Command::kSwoStatus, &Call<&Device::swo_commands_, &SwoCommands::Status>},
    {Command::kSwoExtendedStatus, &Call<&Device::swo_commands_, &SwoCommands::ExtendedStatus>},
    {Command::kSwoData, &Call<&Device::swo_commands_, &SwoCommands::Data>},
};

Device::Device(Chip& chip, std::string serial, std::function<uint32_t()> timer)
    : serial_(std::move(serial)),
      timer_(std::move(timer)),
      pins_(chip),
      transfers_(pins_, chip.pins(), chip.debug_port(), timer_),
      swo_(chip),
      pin_commands_(pins_),
      swd_commands_(pins_, transfers_.swd_settings()),
      jtag_commands_(pins_, transfers_.jtag()),
      swo_commands_(swo_, timer_) {}

std::span<const Reply> Device::Process(std::span<const uint8_t> packet) {
  reply_count_ = 0;
  const Command command = packet.empty() ? Command::kInvalid : static_cast<Command>(packet[0]);
  if (command == Command::kTransferAbort) return {};
  if (command == Command::kQueueCommands) {
    queued_.emplace_back(packet.begin(), packet.end());
    if (queued_.size() < kPacketCount) return {};
  }
  for (const std::vector<uint8_t>& queued : queued_) Execute(queued);
  queued_.clear();
  if (command != Command::kQueueCommands) Execute(packet);
  return {replies_.data(), reply_count_};
}

void Device::Execute(std::span<const uint8_t> packet) {
  Reply& out = replies_[reply_count_++];
  busy_ = {};
  RequestReader request(packet);
  ReplyWriter reply(std::span(out.buffer).first(quirks_.packet_size));
  const Command command = packet.empty() ? Command::kInvalid : static_cast<Command>(packet[0]);
  if (packet.size() > quirks_.packet_size) {
    reply.U8(static_cast<uint8_t>(Command::kInvalid));
  } else if (command == Command::kExecuteCommands || command == Command::kQueueCommands) {
    ExecuteList(request, reply);
  } else {
    ExecuteOne(request, reply);
  }
  out.size = reply.size();
  out.busy = busy_;
}

// A queued list is answered as if it had been DAP_ExecuteCommands.
void Device::ExecuteList(RequestReader& request, ReplyWriter& reply) {
  request.U8();
  const uint8_t count = request.U8();
  if (!request.ok()) {
    reply.U8(static_cast<uint8_t>(Command::kInvalid));
    return;
  }
  reply.U8(static_cast<uint8_t>(Command::kExecuteCommands));
  reply.U8(count);
  for (unsigned i = 0; i < count && request.ok(); ++i) ExecuteOne(request, reply);
}

void Device::ExecuteOne(RequestReader& request, ReplyWriter& reply) {
  const size_t head = reply.size();
  const auto command = static_cast<Command>(request.U8());
  const auto row = std::find_if(std::begin(kCommands), std::end(kCommands),
                                [command](const CommandRow& candidate) { return candidate.command == command; });
  if (request.ok() && row != std::end(kCommands)) {
    reply.U8(static_cast<uint8_t>(command));
    const CommandQuirks::Verdict verdict = quirks_.Judge(command, request, reply);
    if (verdict == CommandQuirks::Verdict::kAnswered) return;
    if (verdict == CommandQuirks::Verdict::kPass && row->handler(*this, request, reply)) {
      quirks_.Amend(command, head, reply);
      return;
    }
  }
  // It is not known where a command that cannot be understood ends, so whatever follows it is skipped.
  request.Bytes(request.left() + 1);
  reply.Truncate(head);
  reply.U8(static_cast<uint8_t>(Command::kInvalid));
}

void Device::set_quirks(const CommandQuirks& quirks) {
  quirks_ = quirks;
  pins_.set_reset_driven(quirks.reset_driven);
}

void Device::Unplug() {
  pins_.PowerOff();
  transfers_.ResetSettings();
  swo_.Reset();
  queued_.clear();
}

bool Device::Info(RequestReader& request, ReplyWriter& reply) {
  return AnswerInfo(serial_, swo_.offers_stream(), request, reply);
}

bool Device::HostStatus(RequestReader& request, ReplyWriter& reply) {
  const uint8_t type = request.U8();
  request.U8();
  reply.U8(type <= 1 ? kStatusOk : kStatusError);
  return request.ok();
}

bool Device::Delay(RequestReader& request, ReplyWriter& reply) {
  busy_ += std::chrono::microseconds(request.U16());
  reply.U8(kStatusOk);
  return request.ok();
}

// The reply says that the probe has no device-specific reset sequence.
bool Device::ResetTarget(RequestReader&, ReplyWriter& reply) {
  reply.U8(kStatusOk);
  reply.U8(0);
  return true;
}

}  // namespace probegate::sim
